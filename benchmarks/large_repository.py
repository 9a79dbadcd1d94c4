"""A generated repository of 50,000 files and 200 MB, and a fresh clone of it by hand."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

FILES = 50_000
FILE_SIZE = 4_200
FILES_IN_FOLDER = 25
COMMITS = 20
"""After the first one: a mirror has the history too."""

_COMMON = b"the same line in each of the files\n"


async def generate(folder: Path) -> None:
    """Writes a bare repository with `git fast-import`. Half of each file is random."""
    await _git("init", "--quiet", "--bare", "--initial-branch=main", str(folder))
    process = await asyncio.create_subprocess_exec(
        *("git", "--git-dir", str(folder), "fast-import", "--quiet"), stdin=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None  # noqa: S101 - a pipe
    for piece in _stream(random.Random(18)):
        process.stdin.write(piece)
        await process.stdin.drain()
    process.stdin.close()
    if await process.wait() != 0:
        raise RuntimeError("git fast-import failed")


async def clone(url: str, folder: Path, *, token: str) -> None:
    """As a person does it."""
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {token}",
    }
    await _git("clone", "--quiet", "--depth=1", url, str(folder), environment=settings)


async def _git(*arguments: str, environment: dict[str, str] | None = None) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(environment or {})}
    process = await asyncio.create_subprocess_exec("git", *arguments, env=environment)
    if await process.wait() != 0:
        raise RuntimeError(f"git {arguments[0]} failed")


def _stream(source: random.Random) -> Iterator[bytes]:
    half = FILE_SIZE // 2
    for commit in range(COMMITS + 1):
        when = 1_700_000_000 + commit
        yield b"commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata 5\nWork\n" % when
        for number in range(FILES) if commit == 0 else source.sample(range(FILES), 50):
            text = source.randbytes(half // 2).hex().encode() + b"\n" + _COMMON * (half // len(_COMMON))
            folder = number // FILES_IN_FOLDER
            path = f"package{folder % 50:02}/module{folder // 50:02}/file{number:05}.py".encode()
            yield b"M 100644 inline %b\ndata %d\n%b\n" % (path, len(text), text)
