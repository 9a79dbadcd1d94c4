"""The Action's environment, whatever pip settings the job has for itself."""

from __future__ import annotations

import hashlib
import os
import venv
import zipfile
from pathlib import Path

import pytest

from bot.action.install import PYTHON, ensure, key


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of one package, which only a folder named in pip's settings has."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    wheel = tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/__init__.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    lock = tmp_path / "lock"
    lock.write_text(f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    (tmp_path / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheel.parent}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    return lock


def packages(home: Path) -> set[str]:
    return {path.name for path in home.glob("[Ll]ib/**/tiny")}


@pytest.mark.parametrize("name", ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_REQUIRE_VIRTUALENV"])
def test_ensure_ignores_variables(name: str, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1" if name == "PIP_REQUIRE_VIRTUALENV" else str(tmp_path / "elsewhere"))
    assert packages(ensure(lock, [tmp_path / "tools"], imported=["tiny"])) == {"tiny"}
    assert not (tmp_path / "elsewhere").exists()


def test_ensure_ignores_target_of_pip_conf(lock: Path, tmp_path: Path) -> None:
    with (tmp_path / "pip.conf").open("a") as file:
        file.write(f"[install]\ntarget = {tmp_path / 'elsewhere'}\n")
    assert packages(ensure(lock, [tmp_path / "tools"], imported=["tiny"])) == {"tiny"}


def test_ensure_replaces_hollow_environment(lock: Path, tmp_path: Path) -> None:
    home = tmp_path / "tools" / key(lock)
    venv.EnvBuilder(symlinks=True).create(home)
    assert (home / PYTHON).exists()
    assert ensure(lock, [tmp_path / "tools"], imported=["tiny"]) == home
    assert packages(home) == {"tiny"}
    assert [path.name for path in home.parent.iterdir()] == [home.name]
