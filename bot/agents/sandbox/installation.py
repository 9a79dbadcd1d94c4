"""Finds what a program needs besides the system: its folder, its packages, its interpreter."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from bot.agents.model import TurnError
from bot.agents.sandbox import SandboxSpec

SYSTEM = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")))
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INTERPRETERS = 4


def is_of_the_system(path: Path) -> bool:
    """Whether a sandbox has it anyway."""
    return any(path.is_relative_to(folder) for folder in SYSTEM)


def installation_of(program: str) -> tuple[Path, ...]:
    """The folders and files of the host without which a program does not start; without those of the system.

    Follows the links of npm, pipx, uv and virtual environments, and the interpreters of scripts. Folders that hold
    other things too, like HOME, are never among them: of a script there, only the file is.

    :param program: a name on PATH, or a path
    :raises TurnError: there is no such program
    """
    found = {folder for folder in _needed(find(program), _INTERPRETERS) if not is_of_the_system(folder)}
    return tuple(sorted(folder for folder in found if not found.intersection(folder.parents)))


def find(program: str) -> Path:
    """:raises TurnError: there is no such program"""
    path = shutil.which(program)
    if path is None:
        raise TurnError(f"`{program}` is not installed on the worker's machine. Install it there, on the bot's PATH.")
    return Path(os.path.abspath(path))  # noqa: PTH100 - links are followed one by one


def search_path(programs: Iterable[Path]) -> str:
    """PATH for an agent: its installation's folders, then the system's."""
    folders = [folder for program in programs for folder in _with_programs(program)]
    return ":".join([*map(str, folders), _SYSTEM_PATH])


def environment(spec: SandboxSpec, *, home: str, tmp: str, user: str) -> Mapping[str, str]:
    """All variables of an agent. None of the bot's own is passed on."""
    return {
        "HOME": home,
        "LANG": "C.UTF-8",
        "LOGNAME": user,
        "PATH": search_path(spec.programs),
        "SHELL": "/bin/sh",
        "TMPDIR": tmp,
        "USER": user,
        **spec.environment,
    }


def _with_programs(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path.parent
    elif path.name in {"bin", ".bin", "sbin"}:
        yield path
    else:
        yield from (path / name for name in ("bin", ".bin", "shims") if (path / name).is_dir())


def _needed(program: Path, interpreters: int) -> Iterator[Path]:
    for path in _links(program):
        yield from _folders_of(path)
    if interpreters and (interpreter := _interpreter(program)):
        yield from _needed(interpreter, interpreters - 1)


def _links(path: Path) -> Iterator[Path]:
    """A path and the targets of its links, up to the real one."""
    seen: set[Path] = set()
    while path not in seen:
        seen.add(path)
        yield path
        if path.is_symlink():
            path = Path(os.path.normpath(path.parent / path.readlink()))
    yield path.resolve()


def _folders_of(program: Path) -> Iterator[Path]:
    folder = program.parent
    prefix = folder.parent
    packages = [parent for parent in program.parents if parent.name == "node_modules"]
    if packages:
        yield packages[-1]
    elif (prefix / "pyvenv.cfg").is_file():
        yield prefix
        yield from _python_of(prefix / "pyvenv.cfg")
    elif folder.name == "shims" or _is_of_one_program(program, prefix):
        yield prefix
    elif folder.name in {"bin", ".bin", "sbin"} and prefix != Path("/"):
        yield folder
    else:
        yield program


def _is_of_one_program(program: Path, prefix: Path) -> bool:
    """Whether all below the prefix is a program and its libraries: not so for ~/.local or a project's folder."""
    if program.parent.name != "bin" or prefix in {Path("/"), Path.home(), Path.home() / ".local"}:
        return False
    return (
        prefix.parent == Path("/opt")
        or (prefix / "lib" / "node_modules").is_dir()
        or (program.name.startswith("python") and any(prefix.glob("lib/python3*")))
    )


def _python_of(config: Path) -> Iterator[Path]:
    """The Python that a virtual environment was made with."""
    for line in config.read_text(errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip():
            yield from (Path(value.strip()).parent, Path(value.strip()).resolve().parent)


def _interpreter(script: Path) -> Path | None:
    try:
        with script.open("rb") as file:
            first = file.readline(512)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = first[2:].decode(errors="replace").split()
    if words and Path(words[0]).name == "env":
        options = [*takewhile(lambda word: word.startswith("-") or "=" in word, words[1:])]
        words = words[1 + len(options) :]
    return find(words[0]) if words else None
