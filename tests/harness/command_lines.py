"""The commands that run on this machine, such as those of agents in their sandboxes."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.harness import TIMEOUT

_numbers = itertools.count(40_000)


def unique_number() -> str:
    """A number that no other command line on this machine contains: tests run side by side in several processes, and so
    may several copies of the suite. As a number of seconds it is longer than any test."""
    return f"{next(_numbers)}.{os.getpid():07}"


def command_lines(words: str) -> list[str]:
    """Of the processes of this machine, those whose command lines contain these words."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
    return [line for line in lines if words in line]


async def until_running(command: str) -> None:
    """Waits until a process is this command, and not a shell that has yet to come to it."""
    await _until(lambda: command in command_lines(command))


async def until_seen(words: str) -> None:
    """Waits until a command line contains these words, be it that of the shell that executes them."""
    await _until(lambda: bool(command_lines(words)))


async def until_gone(words: str) -> None:
    """Waits until no command line contains these words."""
    await _until(lambda: not command_lines(words))


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not await asyncio.to_thread(is_so):  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.02)
