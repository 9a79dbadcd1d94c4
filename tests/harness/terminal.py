"""Runs a command in a process of its own, between both emulators, as at a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.harness import TIMEOUT
from tests.harness.forks import python_m
from tests.harness.processes import environment
from tests.harness.server import emulators


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a command."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on the output."""
        return json.loads(self.stdout)


class Terminal:
    """Runs commands. `environ` is all that the processes see of the environment."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path) -> None:
        self.github = github
        self.codegen = codegen
        self.folder = folder
        self.environ = environment(github, codegen)

    async def run(self, *words: str, stdin: str = "", without: str | None = None, **environ: str) -> Done:
        """:param without: a variable that is not set"""
        process = await self.start(*words, without=without, **environ)
        async with asyncio.timeout(TIMEOUT):
            stdout, stderr = await process.communicate(stdin.encode())
        assert process.returncode is not None
        assert b"Traceback" not in stderr, stderr.decode()
        return Done(process.returncode, stdout.decode(), stderr.decode())

    async def start(self, *words: str, without: str | None = None, **environ: str) -> asyncio.subprocess.Process:
        given = {name: value for name, value in {**self.environ, **environ}.items() if name != without}
        return await asyncio.create_subprocess_exec(
            *python_m("bot", *words, environ=given),
            env=given,
            cwd=self.folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def screen(self, *words: str, columns: int = 100) -> tuple[int, str]:
        """The status, and the output on a real terminal, with colours and cursor movements."""
        ours, theirs = os.openpty()
        given = {**self.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
        process = await asyncio.create_subprocess_exec(
            *python_m("bot", *words, environ=given),
            env=given,
            cwd=self.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        reading = asyncio.create_task(asyncio.to_thread(_all_of, ours))
        async with asyncio.timeout(TIMEOUT):
            status = await process.wait()
            return status, (await reading).decode().replace("\r\n", "\n")


def _all_of(terminal: int) -> bytes:
    """Reading ends with an error when the last process has closed the other side."""
    parts = []
    with suppress(OSError):
        while part := os.read(terminal, 65_536):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts)


def unstyled(screen: str) -> str:
    """The text without colours and cursor movements."""
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen).split("\n")
    return "\n".join(line.rstrip() for line in lines)


def without_times(text: str) -> str:
    """Durations are different each time."""
    return re.sub(r"\b\d+ s\b", "N s", text)


@asynccontextmanager
async def terminal_at(folder: Path, *, timing: float | None = 0.0) -> AsyncIterator[Terminal]:
    """:param timing: seconds that a run takes; None: it moves by hand"""
    async with emulators(GitHubEmulator(), CodegenEmulator(run_seconds=timing)) as (github, codegen):
        yield Terminal(github, codegen, folder)
