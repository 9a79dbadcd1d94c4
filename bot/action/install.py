"""Creates the environment that the Action runs in: the packages of ``requirements-action.lock``, outside the
workspace; for agents that work in the job those of ``requirements-action-agents.lock``.

`action.yml` runs this file by its path, with the runner's own Python and before anything is installed. So it imports
the standard library only.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

OLDEST_PYTHON = (3, 11)

LOCK = Path(__file__).parents[2] / "requirements-action.lock"

AGENTS_LOCK = LOCK.with_name("requirements-action-agents.lock")
"""For agents that work in the job: what is above, the database, the agents' protocol and the sandbox."""

FILES = "https://files.pythonhosted.org/packages/"
"""Where the Python Package Index has its files. ``requirements-action.wheels`` has their paths below it."""

PYTHON = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
"""Relative to a virtual environment."""

MARKER = "is-complete"
"""A file in an environment that has all packages: the bot has been imported there."""

IMPORTED = ("bot.action.main", "bot.action.execution")
"""All that executes a command. It is imported once before an environment is used."""

IMPORTED_WITH_AGENTS = (*IMPORTED, "bot.action.agents", "bot.app.agents_in_job")

PIP_SETTINGS = frozenset(
    (
        *("index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "keyring-provider"),
        *("cert", "client-cert", "proxy", "timeout", "retries", "cache-dir", "no-cache-dir"),
    )
)
"""The job's settings of pip that are its way to packages. All others are meant for the project's own packages: where
they go, which versions they have, how they are built.
"""

PIP_WORDS = {"use-feature": "truststore", "use-deprecated": "legacy-certs"}
"""Settings with several words, of which one is about certificates and passed too."""

PIP_ALIASES = {"default-timeout": "timeout", "pypi-url": "index-url"}

UV_VARIABLES = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_EXTRA_INDEX_URL",),
    "PIP_TRUSTED_HOST": ("UV_INSECURE_HOST",),
    "PIP_CERT": ("SSL_CERT_FILE",),
    "PIP_CLIENT_CERT": ("SSL_CLIENT_CERT",),
    "PIP_PROXY": ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"),
    "PIP_TIMEOUT": ("UV_HTTP_TIMEOUT",),
    "PIP_RETRIES": ("UV_HTTP_RETRIES",),
    # The system's certificates are trusted anyway, and no cache is read.
    "PIP_USE_FEATURE": (),
    "PIP_CACHE_DIR": (),
    "PIP_NO_CACHE_DIR": (),
}
"""pip's variables, with uv's of the same meaning. Where a job sets any other of pip's, pip installs."""

CHECKED = ("--require-hashes", "--no-deps", "--only-binary=:all:")
"""The lock file names everything, each with its hash; nothing is built, so no package's code runs here."""


def main() -> int:
    """Sets the step's output ``python`` to an interpreter that can run the bot."""
    if sys.version_info < OLDEST_PYTHON:
        return _fail("codegen-bot needs Python 3.11 or newer. Next: put actions/setup-python before this step.")
    began = time.monotonic()
    try:
        has_agents = bool({"INPUT_AGENT", "INPUT_AGENTS_FILE"} & {name for name, value in os.environ.items() if value})
        lock, imported = (AGENTS_LOCK, IMPORTED_WITH_AGENTS) if has_agents else (LOCK, IMPORTED)
        home = ensure(lock, folders(os.environ), imported=imported)
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


def ensure(lock: Path, places: Iterable[Path], *, imported: Sequence[str] = IMPORTED) -> Path:
    """The environment for this lock file and this Python; created if missing, replaced if incomplete.

    :raises OSError: if no folder is writable
    :raises subprocess.CalledProcessError: if pip or the first import fails, which has printed why
    """
    failed: OSError | None = None
    for place in places:
        home = place / key(lock)
        if _is_complete(home, lock, imported):
            return home
        try:
            place.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix="making-", dir=place))
        except OSError as error:
            failed = error
            continue
        try:
            _make(scratch / "new", lock)
            _import(imported, scratch / "new", lock)
            (scratch / "new" / MARKER).touch()
            _move(scratch / "new", home, aside=scratch / "old")
        except OSError as error:
            failed = error
        else:
            return home
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    raise failed or FileNotFoundError("neither RUNNER_TOOL_CACHE nor RUNNER_TEMP names a folder")


def key(lock: Path) -> str:
    """A digest of everything that makes an environment unusable elsewhere.

    A container shares its runner's folders, so the C library is included.
    """
    this = (sys.version, sys.base_prefix, sysconfig.get_config_var("SOABI"), platform.machine(), platform.libc_ver())
    return hashlib.sha256(repr(this).encode() + lock.read_bytes()).hexdigest()[:20]


def _is_complete(home: Path, lock: Path, imported: Iterable[str]) -> bool:
    if not (home / PYTHON).exists():
        return False
    if (home / MARKER).exists():
        return True
    # Earlier versions set no marker. Theirs may be in use by another job, so only a useless one is replaced.
    try:
        _import(imported, home, lock, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    with suppress(OSError):
        (home / MARKER).touch()
    return True


def _make(home: Path, lock: Path) -> None:
    """Creates the environment, in the fastest way that works here.

    :raises subprocess.CalledProcessError: if pip fails with the job's own way to packages, which is tried last
    """
    own_pip = importlib.util.find_spec("pip")
    # Copying pip into the environment would take half as long as all the rest.
    builder = venv.EnvBuilder(with_pip=own_pip is None, symlinks=os.name != "nt", clear=True)
    python = str(home / PYTHON)
    pip = [sys.executable if own_pip else python, "-I", "-m", "pip"]
    builder.create(home)
    environ = pip_environ(os.environ, pip)
    if own_pip:
        pip += ["--python", python]
    # Python compiles what is imported, which is only a part.
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-compile")
    install = ["install", *options, *CHECKED, "--requirement", str(lock)]
    scratch = home.parent
    for attempt in (_by_uv(python, lock, environ), _from_files(scratch, lock, [*pip, *install], environ)):
        if attempt is None:
            continue
        if attempt.succeeds():
            return
        print(f"{attempt.name} could not install the packages; trying another way.", flush=True)  # noqa: T201
        builder.create(home)
    subprocess.run([*pip, *install], env=environ, check=True)  # noqa: S603


class _Attempt(NamedTuple):
    """A faster way than pip's own, which may not work everywhere."""

    name: str
    command: list[str]
    environ: dict[str, str]

    def succeeds(self) -> bool:
        """Its errors are not printed: the last way prints why it fails."""
        nowhere = subprocess.DEVNULL
        done = subprocess.run(self.command, env=self.environ, stdout=nowhere, stderr=nowhere, check=False)  # noqa: S603
        return done.returncode == 0


def _by_uv(python: str, lock: Path, environ: Mapping[str, str]) -> _Attempt | None:
    """uv, if the runner has it and it can be told the job's way to packages.

    :param environ: for pip
    """
    settings = {name: value for name, value in _nearest(environ).items() if name.startswith("PIP_")}
    settings.pop("PIP_CONFIG_FILE", None)
    uv = _uv(environ)
    if uv is None or not settings.keys() <= UV_VARIABLES.keys():
        return None
    told = {to: " ".join(value.split()) for name, value in settings.items() for to in UV_VARIABLES[name]}
    own = {"UV_NATIVE_TLS": "true", "UV_SYSTEM_CERTS": "true", "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_RETRIES": "1"}
    # Neither the workspace's configuration, nor what an earlier step may have put into a cache.
    options = ("--quiet", "--no-config", "--no-cache", "--python", python)
    # Whichever index has a file: its hash is the lock's.
    command = [str(uv), "pip", "install", *options, *CHECKED, "--index-strategy=unsafe-best-match"]
    rest = _without(_without(environ, "PIP_"), "UV_")
    return _Attempt("uv", [*command, f"--requirements={lock}"], rest | own | told)


def _uv(environ: Mapping[str, str]) -> Path | None:
    """The runner's own uv. Not the workspace's, which may hold a pull request's code."""
    found = shutil.which("uv", path=environ.get("PATH", ""))
    if found is None:
        return None
    uv, folders = Path(found).resolve(), {Path.cwd(), Path(environ.get("GITHUB_WORKSPACE") or Path.cwd())}
    return None if any(uv.is_relative_to(folder.resolve()) for folder in folders) else uv


def _from_files(scratch: Path, lock: Path, install: list[str], environ: Mapping[str, str]) -> _Attempt | None:
    """pip with an index of the locked wheels alone, if the job's index is the public one.

    The index's own pages list every file of every version. For a few packages they have megabytes, and pip takes most
    of its time to read them.

    :param scratch: the folder to write it into
    :param install: pip's command
    :param environ: for pip
    """
    wheels = lock.with_suffix(".wheels")
    if not wheels.exists() or not _is_public(environ):
        return None
    # Of other systems and versions of Python there are many more.
    this = f"cp{sys.version_info[0]}{sys.version_info[1]}-"
    system = {"linux": "linux", "darwin": "macosx", "win32": "win_"}.get(sys.platform, "none-any")
    index = scratch / "index"
    pages: dict[str, list[str]] = {}
    for path in wheels.read_text(encoding="utf-8").split():
        file = path.rpartition("/")[2]
        if "none-any" not in file and not (system in file and (this in file or "-abi3-" in file)):
            continue
        name = re.sub(r"[-_.]+", "-", file.partition("-")[0]).lower()
        pages.setdefault(name, []).append(f'<a href="{FILES}{path}">{file}</a>')
    for name, links in pages.items():
        (index / name).mkdir(parents=True)
        (index / name / "index.html").write_text("\n".join(links), encoding="utf-8")
    # Where the files cannot be reached, the job's other ways to packages follow soon. A cache would be of no use: what
    # outlives this job is the environment.
    own = {"PIP_RETRIES": "1"} | ({} if "PIP_CACHE_DIR" in environ else {"PIP_NO_CACHE_DIR": "1"})
    return _Attempt("pip", install, own | _nearest(environ) | {"PIP_INDEX_URL": index.as_uri()})


def _is_public(environ: Mapping[str, str]) -> bool:
    """Whether the job's index is the public one."""
    return not {"PIP_INDEX_URL", "PIP_NO_INDEX"} & environ.keys()


def _nearest(environ: Mapping[str, str]) -> dict[str, str]:
    """The same variables without further places to search, if the public index, which has all, is among the job's."""
    more = {"PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"} if _is_public(environ) else set()
    return {name: value for name, value in environ.items() if name not in more}


def _import(modules: Iterable[str], home: Path, lock: Path, *, stderr: int | None = None) -> None:
    """Imports from the environment and the Action's folder, as `action.yml` does.

    :raises subprocess.CalledProcessError: if a package is missing or does not work here
    """
    command = [str(home / PYTHON), "-P", "-s", "-c", f"import {', '.join(modules)}"]
    environ = _without(os.environ, "PYTHON") | {"PYTHONPATH": str(lock.parent)}
    subprocess.run(command, env=environ, stderr=stderr, check=True)  # noqa: S603


def _without(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(prefix)}


def pip_environ(environ: Mapping[str, str], pip: Sequence[str]) -> dict[str, str]:
    """The environment for ``pip install``: the job's, but neither what it has set for its own Python nor, from
    variables and configuration files, any setting of pip beyond the way to packages.

    :raises subprocess.CalledProcessError: if pip cannot read its configuration, and has printed why
    """
    base = _without(_without(environ, "PYTHON"), "PIP_")
    settings = _configured(base, environ.get("PIP_CONFIG_FILE"), pip) | {
        name.removeprefix("PIP_"): value for name, value in environ.items() if name.startswith("PIP_")
    }
    return base | _allowed(settings) | {"PIP_CONFIG_FILE": os.devnull}


def _configured(base: Mapping[str, str], file: str | None, pip: Sequence[str]) -> dict[str, str]:
    """What pip's configuration files set for ``pip install``.

    https://pip.pypa.io/en/stable/topics/configuration/
    """
    if not _may_be_configured(base, file):
        return {}
    # Where a file sets these, they would apply to the listing itself: ``user`` lists one file only.
    neutral = {"PIP_USER": "0", "PIP_QUIET": "0", "PIP_VERBOSE": "0", "PIP_LOG": os.devnull, "PIP_PYTHON": pip[0]}
    named = {"PIP_CONFIG_FILE": file} if file else {}
    command = [*pip, "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(  # noqa: S603
        command, env={**base, **neutral, **named}, stdout=subprocess.PIPE, text=True, check=True
    )
    found = re.findall(r"^(global|install)\.([\w-]+)=(['\"].*)$", listed.stdout, re.MULTILINE)
    # A command's own section wins over the global one, wherever pip lists it.
    return {name: str(ast.literal_eval(value)) for _, name, value in sorted(found, key=lambda each: each[0])}


def _may_be_configured(environ: Mapping[str, str], file: str | None) -> bool:
    """Whether pip may find a configuration file. To ask pip takes half a second."""
    if file == os.devnull:
        return False
    if file or sys.platform != "linux":
        return True
    home = Path(environ.get("HOME") or "~").expanduser()
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    shared = [Path(folder) for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep) if folder]
    folders = (home / ".pip", own / "pip", *(folder / "pip" for folder in shared), Path("/etc"), Path(sys.prefix))
    return any((folder / "pip.conf").exists() for folder in folders)


def _allowed(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables for those settings that lead to packages; of two that mean the same, the later."""
    allowed = {}
    for given, value in settings.items():
        name = given.lower().replace("_", "-")
        name = PIP_ALIASES.get(name, name)
        passed = value
        if name in PIP_WORDS:
            passed = PIP_WORDS[name] if PIP_WORDS[name] in value.split() else ""
        # pip ignores empty settings, so they must not hide those of a file.
        if passed and (name in PIP_SETTINGS or name in PIP_WORDS):
            allowed[f"PIP_{name.replace('-', '_').upper()}"] = passed
    return allowed


def _move(made: Path, home: Path, *, aside: Path) -> None:
    """Moves the environment into place atomically; if another job was faster, its environment is used.

    :param aside: where an incomplete environment goes that is in that place
    """
    for last in (False, True):
        try:
            made.rename(home)
        except OSError:
            if (home / MARKER).exists() and (home / PYTHON).exists():
                return
            if last:
                raise
            home.rename(aside)
        else:
            return


def _fail(sentence: str) -> int:
    print(f"::error title=codegen-bot::{' '.join(sentence.split())}")  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
