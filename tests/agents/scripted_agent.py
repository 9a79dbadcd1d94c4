"""Turns of the scripted agent, as a real process without a sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.agents.agent_turn import AgentTurn
from bot.agents.config import Agent
from bot.agents.model import AgentResult, LogEntry, MessageType
from bot.agents.preset import Preset
from bot.agents.presets import PRESETS
from bot.agents.session import run_acp_turn


def script(*steps: Mapping[str, Any]) -> str:
    """A prompt with a script."""
    return f"Do this:\n\n```json\n{json.dumps({'steps': steps})}\n```\n"


class Process:
    """A program in a process group of its own, as a `SandboxedProcess`."""

    exceeded: str | None = None

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self.stdin: asyncio.StreamWriter = process.stdin
        self.stdout: asyncio.StreamReader = process.stdout
        self.pid = process.pid

    async def wait(self) -> int:
        # Not asyncio's wait(): that waits for whoever else holds the output, too.
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            loop.add_reader(descriptor, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        while self._process.returncode is None:  # noqa: ASYNC110 - asyncio tells nobody before the pipes are closed
            await asyncio.sleep(0.001)
        return self._process.returncode

    async def kill(self, *, at_once: bool = False) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        # Also until the pipes are closed.
        await self._process.wait()


async def start(
    command: Sequence[str], *, folder: Path, home: Path, stderr: Path, environment: Mapping[str, str] | None = None
) -> Process:
    with stderr.open("wb") as errors:
        return Process(
            await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env={"HOME": str(home), "PATH": os.environ["PATH"], **(environment or {})},
                start_new_session=True,
            )
        )


@dataclass(slots=True)
class AgentRun:
    """A run: its folders, and the log of its last turn. `preset` and the fields of `turn` may be changed."""

    root: Path
    preset: Preset = PRESETS["scripted"]
    command: Sequence[str] = (sys.executable, "-I", "-m", "bot.emulators.agent")
    entries: list[LogEntry] = field(default_factory=list)
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    has_changed: bool = False
    on_entry: Callable[[LogEntry], None] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.home.mkdir()

    @property
    def folder(self) -> Path:
        return self.root / "workspace"

    @property
    def home(self) -> Path:
        return self.root / "home"

    def turn(self, prompt: str, **fields: Any) -> AgentTurn:
        turn = AgentTurn(
            agent=Agent(name="scripted", preset=self.preset, command=tuple(self.command)),
            prompt=prompt,
            cwd=str(self.folder),
            home=self.home,
            stderr=self.root / "stderr",
            silence=300.0,
            total=600.0,
            changed=self._changed,
        )
        return replace(turn, **fields)

    async def start(self, **environment: str) -> Process:
        return await start(
            self.command, folder=self.folder, home=self.home, stderr=self.root / "stderr", environment=environment
        )

    async def prompt(self, prompt: str, **fields: Any) -> AgentResult:
        """Runs one turn in a new process."""
        self.entries.clear()
        process = await self.start()
        return await run_acp_turn(process, self.turn(prompt, **fields), add_entry=self._add, cancel=self.cancel)

    def of_type(self, message_type: MessageType) -> list[LogEntry]:
        return [entry for entry in self.entries if entry.message_type is message_type]

    def _add(self, entry: LogEntry) -> None:
        self.entries.append(entry)
        if self.on_entry is not None:
            self.on_entry(entry)

    async def _changed(self) -> bool:
        return self.has_changed
