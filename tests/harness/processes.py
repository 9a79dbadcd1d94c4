"""What tests share that start the bot as a process of its own: its environment, and the lines that it logs."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator

ROOT = Path(__file__).parents[2]
SECRET = "the webhook's secret"
LISTENS = re.compile(r"server\.listening.*port=(\d+)")
"""The line that a server logs once it can be reached."""


def environment(github: GitHubEmulator, codegen: CodegenEmulator, **settings: str) -> dict[str, str]:
    """The environment of a server between both emulators, on a free port.

    :param settings: further ones, or other values
    """
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CODEGEN_API_TOKEN": "sk-org1-process",
        "CODEGEN_ORG_ID": "1",
        "CODEGEN_API_BASE_URL": codegen.url,
        "GITHUB_TOKEN": "bot-token",
        "GITHUB_API_URL": github.url,
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "PORT": "0",
        **settings,
    }


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
        async with asyncio.timeout(60):
            while not any(re.search(pattern, line) for line in self.lines[since:]):
                self._added.clear()
                await self._added.wait()
