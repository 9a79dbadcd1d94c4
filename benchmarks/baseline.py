"""The version that figures are compared with: its code, in a virtual environment of its own, from this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

COMMIT = "f5f079e"
"""Before the first issue on the start of the Action and of the command line."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A version that can be started.

    :param python: of its environment
    :param code: the folder that `bot` is in
    """

    name: str
    python: Path
    code: Path

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of a process of it, which keeps compiled files: without them each process compiles anew."""
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**environ, "PYTHONPATH": str(self.code), **more}


def this_version() -> Installed:
    return Installed("now", Path(sys.executable), ROOT)


def baseline(folder: Path) -> Installed:
    """Installs `COMMIT` with the packages of its lock file.

    :param folder: where; an empty one
    :raises subprocess.CalledProcessError: if the clone does not hold the commit, or a package cannot be installed
    """
    git, uv = shutil.which("git") or "git", str(Path(sys.executable).parent / "uv")
    archive = subprocess.run(  # noqa: S603 - constant arguments
        [git, "-C", str(ROOT), "archive", COMMIT, "bot", "requirements.lock"], check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)  # noqa: S603, S607 - as above
    environment = folder / ".venv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(environment)], check=True)  # noqa: S603
    install = [uv, "pip", "sync", "-q", "--compile-bytecode", str(folder / "requirements.lock")]
    subprocess.run(install, check=True, env={**os.environ, "VIRTUAL_ENV": str(environment)})  # noqa: S603
    return Installed(COMMIT, environment / "bin" / "python", folder)
