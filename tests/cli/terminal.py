"""Somebody at a terminal: types a command into a process of its own, between both emulators."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from tests.harness.forks import python_m

ROOT = Path(__file__).parent.parent.parent

PATIENCE = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of it."""

    status: int
    printed: str
    told: str

    @property
    def document(self) -> Any:
        """The one JSON document on the output."""
        return json.loads(self.printed)


class Terminal:
    """Types commands. `environ` is all that the processes see of the environment."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path) -> None:
        self.github = github
        self.codegen = codegen
        self.folder = folder
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CODEGEN_API_TOKEN": "sk-org1-cli",
            "CODEGEN_ORG_ID": "1",
            "CODEGEN_API_BASE_URL": codegen.url,
            "GITHUB_TOKEN": "bot-token",
            "GITHUB_API_URL": github.url,
            "GITHUB_ACTOR": "alice",
        }

    async def types(self, *words: str, stdin: str = "", without: str | None = None, **environ: str) -> Typed:
        """:param without: a variable that is not set"""
        process = await self.starts(*words, without=without, **environ)
        async with asyncio.timeout(PATIENCE):
            printed, told = await process.communicate(stdin.encode())
        assert process.returncode is not None
        assert b"Traceback" not in told, told.decode()
        return Typed(process.returncode, printed.decode(), told.decode())

    async def starts(self, *words: str, without: str | None = None, **environ: str) -> asyncio.subprocess.Process:
        given = {name: value for name, value in {**self.environ, **environ}.items() if name != without}
        return await asyncio.create_subprocess_exec(
            *python_m("bot", *words, environ=given),
            env=given,
            cwd=self.folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def sees(self, *words: str, columns: int = 100) -> tuple[int, str]:
        """The status and what a real terminal gets, with all that moves."""
        ours, theirs = os.openpty()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            env={**self.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)},
            cwd=self.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        reading = asyncio.create_task(asyncio.to_thread(_all_of, ours))
        async with asyncio.timeout(PATIENCE):
            status = await process.wait()
            return status, (await reading).decode().replace("\r\n", "\n")


def _all_of(terminal: int) -> bytes:
    """Reading ends with an error where the last process has closed the other side."""
    parts = []
    with suppress(OSError):
        while part := os.read(terminal, 65_536):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts)


def unstyled(screen: str) -> str:
    """The letters without colours and moves."""
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen).split("\n")
    return "\n".join(line.rstrip() for line in lines)


def times_evened(text: str) -> str:
    """Durations are different each time."""
    return re.sub(r"\b\d+ s\b", "N s", text)


@asynccontextmanager
async def terminal_at(folder: Path, *, timing: float | None = 0.0) -> AsyncIterator[Terminal]:
    """:param timing: seconds that a run takes; None: it moves by hand"""
    async with GitHubEmulator() as github, CodegenEmulator(run_seconds=timing) as codegen:
        yield Terminal(github, codegen, folder)
