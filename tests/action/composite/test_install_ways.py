"""Which way the Action installs its packages: uv, pip with the locked files alone, or pip with the job's index."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from bot.action.install import FILES, LOCK
from tests.action.composite.machine import Machine, imports_tiny, variables
from tests.action.composite.test_light import pins

NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "PIP_RETRIES": "0"}
"""There is none: every connection is refused."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With an index in the folder ``simple``."""
    machine = Machine(tmp_path)
    page = tmp_path / "simple" / "tiny" / "index.html"
    page.parent.mkdir(parents=True)
    [wheel] = (tmp_path / "wheels").iterdir()
    page.write_text(f'<a href="{wheel.as_uri()}">{wheel.name}</a>')
    machine.environ |= NETWORK
    return machine


@pytest.fixture
def with_uv(machine: Machine) -> Machine:
    """The runner has uv."""
    uv = Path(sys.executable).with_name("uv")
    folder = machine.folder / "uv"
    folder.mkdir()
    (folder / "uv").symlink_to(uv)
    machine.environ["PATH"] = f"{folder}:{machine.environ['PATH']}"
    return machine


def index(machine: Machine) -> dict[str, str]:
    return {"PIP_INDEX_URL": (machine.folder / "simple").as_uri()}


def installer(machine: Machine) -> str:
    """Which program has installed the package."""
    [home] = machine.places
    assert imports_tiny(home)
    [note] = home.rglob("tiny-1.0.dist-info/INSTALLER")
    return note.read_text().strip()


def files_at(machine: Machine, folder: str) -> None:
    """Lets the Action expect the public index's files in a folder of the machine."""
    script = machine.folder / "action" / "bot" / "action" / "install.py"
    address = f"{(machine.folder / folder).as_uri()}/"
    script.write_text(script.read_text().replace(FILES, address))
    (machine.folder / "action" / "requirements-action.wheels").write_text("tiny-1.0-py3-none-any.whl\n")


def test_uv_is_used_where_the_runner_has_it(with_uv: Machine) -> None:
    """The job's settings of uv are the project's own, as are those of pip."""
    project = {
        "UV_INDEX_URL": "http://127.0.0.1:9/simple",
        "UV_NO_BINARY": "1",
        "UV_OVERRIDE": "none",
        "UV_OFFLINE": "1",
    }
    (with_uv.folder / "uv.toml").write_text("offline = true\nno-binary = true\n")

    done = with_uv.install(**index(with_uv), **project)

    assert done.returncode == 0, done
    assert installer(with_uv) == "uv"
    assert done.stdout.startswith("Python 3."), done


def test_settings_that_uv_does_not_know_lead_to_pip(with_uv: Machine) -> None:
    done = with_uv.install(**variables(with_uv.packages))

    assert done.returncode == 0, done
    assert installer(with_uv) == "pip"


def test_uv_of_the_workspace_is_not_used(machine: Machine) -> None:
    """It may be a pull request's."""
    uv = machine.folder / "workspace" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text('#!/bin/sh\ntouch "$0.trapped"\nexit 1\n')
    uv.chmod(0o755)

    done = machine.install(
        **index(machine),
        GITHUB_WORKSPACE=str(machine.folder / "workspace"),
        PATH=f"{uv.parent}:{machine.environ['PATH']}",
    )

    assert done.returncode == 0, done
    assert installer(machine) == "pip"
    assert not Path(f"{uv}.trapped").exists()


def test_pip_follows_where_uv_fails(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As one that is too old for an option."""
    folder = tmp_path_factory.mktemp("uv")
    (folder / "uv").write_text("#!/bin/sh\necho 'error: unexpected argument' >&2\nexit 2\n")
    (folder / "uv").chmod(0o755)

    done = machine.install(**index(machine), PATH=f"{folder}:{machine.environ['PATH']}")

    assert done.returncode == 0, done
    assert installer(machine) == "pip"
    assert done.stdout.startswith("uv could not install the packages; trying another way.\nPython 3."), done


def test_pip_reads_no_index_for_locked_files(machine: Machine) -> None:
    """Nor further places of the job's: the public index has everything."""
    files_at(machine, "wheels")

    done = machine.install(PIP_EXTRA_INDEX_URL="http://127.0.0.1:9/simple", PIP_FIND_LINKS="http://127.0.0.1:9/links")

    assert done.returncode == 0, done
    assert installer(machine) == "pip"
    assert done.stdout.startswith("Python 3."), done


def test_index_of_the_job_is_used(machine: Machine) -> None:
    """The locked files' own addresses are not for a company that has an index of its own."""
    files_at(machine, "nowhere")

    done = machine.install(**index(machine))

    assert done.returncode == 0, done
    assert done.stdout.startswith("Python 3."), done


def test_other_places_follow_where_locked_files_are_missing(machine: Machine) -> None:
    files_at(machine, "nowhere")

    done = machine.install(PIP_FIND_LINKS=str(machine.folder / "wheels"))

    assert done.returncode == 0, done
    assert done.stdout.startswith("pip could not install the packages; trying another way.\nPython 3."), done


@pytest.mark.parametrize("way", ["uv", "files", "index"])
def test_other_bytes_are_refused(machine: Machine, way: str, request: pytest.FixtureRequest) -> None:
    """Whatever the way, the lock file's hashes count."""
    if way == "uv":
        request.getfixturevalue("with_uv")
    if way == "files":
        files_at(machine, "wheels")
    [wheel] = (machine.folder / "wheels").iterdir()
    with wheel.open("ab") as file:
        file.write(b"other")

    done = machine.install(**({} if way == "files" else index(machine)))

    assert done.returncode == 1
    assert done.stdout.endswith("The lines above say more.\n"), done
    assert machine.places == []


def test_cached_environment_is_found(machine: Machine) -> None:
    """As `actions/cache` brings it back, into the same folder."""
    machine.install(**index(machine))
    cached = machine.folder / "tool-cache" / "codegen-bot"
    shutil.copytree(cached, machine.folder / "cache", symlinks=True)
    shutil.rmtree(cached)
    shutil.copytree(machine.folder / "cache", cached, symlinks=True)

    done = machine.install(PIP_NO_INDEX="1")

    assert done.returncode == 0, done
    [home] = machine.places
    assert imports_tiny(home)


def test_locked_files_are_those_of_the_lock() -> None:
    """`make lock` writes both."""
    paths = LOCK.with_suffix(".wheels").read_text(encoding="utf-8").split()
    files = [re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/([\w.]+)-([\w.]+)-\S+\.whl", path) for path in paths]
    found = {(each[1].replace("_", "-").lower(), each[2]) for each in files if each}
    assert all(files)
    assert found == {(name.lower(), version) for name, version in pins("requirements-action.lock").items()}
