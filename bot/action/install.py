"""Creates the environment that the Action runs in: the packages of ``requirements-action.lock``, outside the workspace.

`action.yml` runs this file by its path, with the runner's own Python and before anything is installed. So it imports
the standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterable, Mapping
from pathlib import Path

OLDEST_PYTHON = (3, 11)

LOCK = Path(__file__).parents[2] / "requirements-action.lock"

PYTHON = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
"""Relative to a virtual environment."""


def main() -> int:
    """Sets the step's output ``python`` to an interpreter that can run the bot."""
    if sys.version_info < OLDEST_PYTHON:
        return _fail("codegen-bot needs Python 3.11 or newer. Next: put actions/setup-python before this step.")
    began = time.monotonic()
    try:
        home = ensure(LOCK, folders(os.environ))
    except (OSError, subprocess.CalledProcessError) as error:
        return _fail(f"The Action's packages could not be installed: {error}. The lines above say more.")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"python={home / PYTHON}\n")
    print(f"Python {platform.python_version()}, packages ready after {time.monotonic() - began:.1f} s.")  # noqa: T201
    return 0


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where the environment may be, best first: folders that outlive the job on a self-hosted runner, then temporary
    ones.

    Never the workspace, which may contain a pull request's code.
    """
    named = [environ.get("RUNNER_TOOL_CACHE"), environ.get("RUNNER_TEMP")]
    return [Path(name, "codegen-bot") for name in named if name]


def ensure(lock: Path, places: Iterable[Path]) -> Path:
    """The environment for this lock file and this Python; created if missing.

    :raises OSError: if no folder is writable
    :raises subprocess.CalledProcessError: if pip fails, which has printed why
    """
    failed: OSError | None = None
    for place in places:
        home = place / key(lock)
        if (home / PYTHON).exists():
            return home
        try:
            place.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix="making-", dir=place))
        except OSError as error:
            failed = error
            continue
        try:
            _make(scratch, lock)
            return _move(scratch, home)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    raise failed or FileNotFoundError("neither RUNNER_TOOL_CACHE nor RUNNER_TEMP names a folder")


def key(lock: Path) -> str:
    """A digest of everything that makes an environment unusable elsewhere.

    A container shares its runner's folders, so the C library is included.
    """
    this = (sys.version, sys.base_prefix, sysconfig.get_config_var("SOABI"), platform.machine(), platform.libc_ver())
    return hashlib.sha256(repr(this).encode() + lock.read_bytes()).hexdigest()[:20]


def _make(home: Path, lock: Path) -> None:
    # Copying pip into the environment would take half as long as all the rest.
    has_pip = importlib.util.find_spec("pip") is not None
    venv.EnvBuilder(with_pip=not has_pip, symlinks=os.name != "nt").create(home)
    pip = [sys.executable, "-I", "-m", "pip", "--python", str(home / PYTHON)]
    if not has_pip:
        pip = [str(home / PYTHON), "-I", "-m", "pip"]
    options = (
        *("--quiet", "--disable-pip-version-check", "--no-input"),
        # The lock file names everything, each with its hash; nothing is built, so no package's code runs here.
        *("--require-hashes", "--no-deps", "--only-binary=:all:"),
        # Python compiles what is imported, which is only a part.
        "--no-compile",
    )
    # What a job has set for its own Python must not affect this one.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"PIP_USER": "0"}
    subprocess.run([*pip, "install", *options, "--requirement", str(lock)], env=environ, check=True)  # noqa: S603


def _move(scratch: Path, home: Path) -> Path:
    """Moves the environment into place atomically; if another job was faster, its environment is used."""
    try:
        scratch.rename(home)
    except OSError:
        if not (home / PYTHON).exists():
            raise
    return home


def _fail(sentence: str) -> int:
    print(f"::error title=codegen-bot::{' '.join(sentence.split())}")  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
