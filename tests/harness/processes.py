"""The bot as a process of its own: its environment, its start and end, and the lines that it logs."""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.harness import TIMEOUT
from tests.harness.forks import ROOT
from tests.harness.server import settings_between

LISTENS = re.compile(r"server\.listening.*port=(\d+)")
"""The line that a server logs once it can be reached."""


def environment(github: GitHubEmulator, codegen: CodegenEmulator, **settings: str) -> dict[str, str]:
    """The environment of a server between both emulators, on a free port.

    :param settings: further ones, or other values
    """
    given = settings_between(github, codegen)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        **{name.upper(): str(value) for name, value in given.items()},
        **settings,
    }


@asynccontextmanager
async def running(*words: str, folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Process]:
    """Starts a process, which is terminated with the block if it has not ended by itself."""
    process = await asyncio.create_subprocess_exec(*words, cwd=folder, env=environ, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(TIMEOUT):
                await process.communicate()


class LogLines:
    """The lines that one or several processes have logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._added = asyncio.Event()

    def add(self, line: str) -> None:
        self.lines.append(line)
        self._added.set()

    async def until(self, pattern: str, *, since: int = 0) -> None:
        """Waits for a line.

        :param pattern: a regular expression, searched in each line
        :param since: the number of lines to skip
        """
        async with asyncio.timeout(TIMEOUT):
            while not any(re.search(pattern, line) for line in self.lines[since:]):
                self._added.clear()
                await self._added.wait()
