"""The Action's install, with a real pip, a lock file of one package and no network."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.action.install import PYTHON, pip_environ
from tests.action.composite.machine import Machine, imports_tiny, variables

ELSEWHERE = {
    "constraint": "constraints.txt",
    "dry-run": "yes",
    "ignore-installed": "yes",
    "log": "no/such/folder/log",
    "no-binary": ":all:",
    "platform": "win_amd64",
    "prefix": "elsewhere",
    "python": "no-such-python",
    "quiet": "2",
    "require-virtualenv": "yes",
    "root": "elsewhere",
    "target": "elsewhere",
    "user": "yes",
}
"""Settings of a job's own, each of which would leave the environment without packages or stop the install."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def section(name: str, settings: Mapping[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in settings.items()), ""])


def test_variables_of_the_project_have_no_effect(machine: Machine) -> None:
    done = machine.install(**variables(ELSEWHERE | machine.packages))

    assert done.returncode == 0, done
    assert [imports_tiny(home) for home in machine.places] == [True]
    assert not (machine.folder / "elsewhere").exists()


@pytest.mark.parametrize(("name", "is_named"), [("global", False), ("install", True)], ids=["user-file", "named-file"])
def test_pip_conf_of_the_project_has_no_effect(machine: Machine, name: str, *, is_named: bool) -> None:
    """The way to the packages, in the same file, has."""
    file = machine.folder / "home" / (".config/pip/pip.conf" if not is_named else "pip.conf")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(section(name, ELSEWHERE | machine.packages))

    done = machine.install(**({"PIP_CONFIG_FILE": str(file)} if is_named else {}))

    assert done.returncode == 0, done
    assert [imports_tiny(home) for home in machine.places] == [True]
    assert not (machine.folder / "elsewhere").exists()


def test_settings_that_lead_to_packages_are_passed(tmp_path: Path) -> None:
    """A variable wins over a file, and a command's own section over the global one. An empty variable is none."""
    file = tmp_path / "pip.conf"
    file.write_text(
        section("install", {"index-url": "https://files.test/install", "target": "/elsewhere"})
        + section(
            "global",
            {
                "index-url": "https://files.test/global",
                "extra-index-url": "https://one.test/simple\n  https://two.test/simple",
                "cert": "/from/file.pem",
                "client-cert": "/from/client.pem",
                "default-timeout": "7",
                "trusted-host": "files.test",
                "proxy": "http://proxy.test:3128",
                "use-feature": "fast-deps truststore",
            },
        )
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path),
        "HTTPS_PROXY": "http://other.test:3128",
        "PYTHONPATH": "/elsewhere",
        "PIP_CONFIG_FILE": str(file),
        "PIP_CERT": "/from/variable.pem",
        "PIP_CLIENT_CERT": "",
        "PIP_CACHE_DIR": "/cache",
        "PIP_TIMEOUT": "9",
        "PIP_TARGET": "/elsewhere",
    }

    passed = pip_environ(environ, [sys.executable, "-I", "-m", "pip"])

    assert {name: value for name, value in passed.items() if name.startswith(("PIP_", "PYTHON", "HTTP"))} == {
        "HTTPS_PROXY": "http://other.test:3128",
        "PIP_CACHE_DIR": "/cache",
        "PIP_CERT": "/from/variable.pem",
        "PIP_CLIENT_CERT": "/from/client.pem",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_EXTRA_INDEX_URL": "https://one.test/simple\nhttps://two.test/simple",
        "PIP_INDEX_URL": "https://files.test/install",
        "PIP_PROXY": "http://proxy.test:3128",
        "PIP_TIMEOUT": "9",
        "PIP_TRUSTED_HOST": "files.test",
        "PIP_USE_FEATURE": "truststore",
    }


@pytest.mark.parametrize("has_marker", [False, True], ids=["without-packages", "without-python"])
def test_hollow_environment_is_replaced(machine: Machine, *, has_marker: bool) -> None:
    """Its packages went elsewhere, or the Python that it was made with has been removed."""
    machine.install(**variables(machine.packages))
    [home] = machine.places
    if has_marker:
        (home / PYTHON).unlink()
    else:
        (home / "is-complete").unlink()
        next(home.rglob("tiny.py")).unlink()

    done = machine.install(**variables(machine.packages))

    assert done.returncode == 0, done
    assert machine.places == [home]
    assert imports_tiny(home)


def test_environment_of_earlier_version_is_kept(machine: Machine) -> None:
    """It has no marker, and another job may be using it."""
    machine.install(**variables(machine.packages))
    [home] = machine.places
    (home / "is-complete").unlink()
    (home / "same").touch()

    done = machine.install()

    assert done.returncode == 0, done
    assert (home / "same").exists()
    assert (home / "is-complete").exists()


def test_environment_that_cannot_import_is_not_used(machine: Machine) -> None:
    """As with a package that does not work on this machine. The next job tries again."""
    (machine.folder / "action" / "bot" / "action" / "execution.py").write_text("import tiny.missing\n")

    done = machine.install(**variables(machine.packages))

    assert done.returncode == 1
    assert "tiny" in done.stderr
    assert done.stdout.startswith("::error title=codegen-bot::The Action's packages could not be installed: ")
    assert machine.places == []
    assert not (machine.folder / "output").exists()
