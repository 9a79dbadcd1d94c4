"""`sandbox: none`: the agent runs as the bot's own user, with an environment of its own and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from bot.agents.config import SandboxKind
from bot.agents.model import TurnError
from bot.agents.sandbox import LINE_LIMIT, SandboxSpec
from bot.agents.sandbox.guard import MARK, marked
from bot.agents.sandbox.guarding import Guard
from bot.agents.sandbox.installation import environment, find
from bot.agents.sandbox.processes import AgentProcess, keep_end, send_signal
from bot.agents.sandbox.watching import Watch
from bot.upstream import LEASE


class NoSandbox:
    """The process gets a session of its own. What leaves it is found by a variable of its environment: its parent and
    its session may not tell where a daemon comes from.

    :param lease: seconds; an agent ends within them when the bot freezes
    """

    kind = SandboxKind.NONE

    def __init__(self, *, lease: float = LEASE) -> None:
        self._lease = lease

    def workspace(self, spec: SandboxSpec) -> str:
        return str(spec.worktree)

    def home(self, spec: SandboxSpec) -> str:
        return str(spec.home)

    async def start(self, command: Sequence[str], spec: SandboxSpec, *, stderr: Path) -> AgentProcess:
        worktree = hashlib.sha256(os.fsencode(spec.worktree)).hexdigest()[:16]
        # A bot that was killed has left its agent running: two must not work in one worktree.
        await _kill_marked(worktree)
        mark = f"{worktree}-{secrets.token_hex(8)}"
        program = str(spec.worktree / command[0] if "/" in command[0] else find(command[0]))
        try:
            process = await asyncio.create_subprocess_exec(
                *(program, *command[1:]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LINE_LIMIT,
                cwd=spec.worktree,
                env={**_environment(spec), MARK: mark},
                start_new_session=True,
            )
        except OSError as error:
            raise TurnError(
                f"`{command[0]}` could not be started: {error.strerror}. Check how it is installed."
            ) from error
        try:
            guard = Guard("mark", mark, lease=self._lease)
        except OSError as error:
            await _destroy(process.pid, mark)
            raise TurnError(f"The agent's guard could not be started: {error.strerror}.") from error
        return AgentProcess(
            process,
            stderr=asyncio.create_task(keep_end(process, stderr)),
            terminate=partial(_signal_group, process.pid, signal.SIGTERM),
            destroy=partial(_destroy, process.pid, mark),
            watch=Watch(process.pid, spec).run,
            guard=guard,
        )


def _environment(spec: SandboxSpec) -> Mapping[str, str]:
    user = os.environ.get("USER", "agent")
    objects = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(spec.shared_objects)} if spec.shared_objects else {}
    return {**environment(spec, home=str(spec.home), tmp=str(spec.tmp), user=user), **objects}


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _destroy(group: int, mark: str) -> None:
    _signal_group(group, signal.SIGKILL)
    await _kill_marked(mark)


async def _kill_marked(mark: str) -> None:
    while left := await asyncio.to_thread(marked, mark):
        for pid in left:
            send_signal(pid, signal.SIGKILL)
        await asyncio.sleep(0.01)
