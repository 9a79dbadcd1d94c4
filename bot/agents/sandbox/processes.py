"""The agent's process, as the bot sees it, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import cast

from bot import log
from bot.agents.sandbox.guarding import Guard

_log = log.get(__name__)

STDERR_BYTES = 1024 * 1024
GRACE_SECONDS = 2.0

REST_SECONDS = 5.0
"""How long the pipes of an ended agent may take to end."""


class AgentProcess:
    """A started agent. See `SandboxedProcess` for the contract.

    :param process: all of its three streams are pipes
    :param terminate: asks everything that the agent started to end
    :param destroy: ends it all; returns when nothing is left
    :param guard: ends it all if the bot freezes; None if it has ended already
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        *,
        stderr: asyncio.Task[None],
        terminate: Callable[[], None],
        destroy: Callable[[], Awaitable[None]],
        watch: Callable[[Callable[[str], Awaitable[None]]], Awaitable[None]],
        guard: Guard | None,
    ) -> None:
        self._process = process
        self._guard = guard
        self._stderr = stderr
        self._terminate = terminate
        self._destroy = destroy
        self._exceeded: str | None = None
        self._ending: asyncio.Task[int] = asyncio.create_task(self._end())
        self._watching = asyncio.ensure_future(watch(self._exceed))

    @property
    def stdin(self) -> asyncio.StreamWriter:
        return cast("asyncio.StreamWriter", self._process.stdin)

    @property
    def stdout(self) -> asyncio.StreamReader:
        return cast("asyncio.StreamReader", self._process.stdout)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exceeded(self) -> str | None:
        return self._exceeded

    async def wait(self) -> int:
        return await asyncio.shield(self._ending)

    async def kill(self, *, at_once: bool = False) -> None:
        """TERM, then KILL: an agent that ends by itself has stored its session."""
        try:
            if not self._ending.done() and not at_once:
                self._terminate()
                await asyncio.wait({self._ending}, timeout=GRACE_SECONDS)
        finally:
            # Also if this is cancelled. Not once it has ended: its number may be another process's by then.
            if not self._ending.done():
                await asyncio.shield(asyncio.ensure_future(self._destroy()))
        await self.wait()

    async def _end(self) -> int:
        # asyncio's own `wait` would wait for the last process that holds one of the pipes.
        await _exit_of(self._process.pid)
        await self._destroy()
        if self._guard is not None:
            await self._guard.stop()
        status = await self._status()
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        self.stdin.close()
        return status if status <= 128 or status > 128 + signal.NSIG else 128 - status

    async def _status(self) -> int:
        """Its exit status. Closes the pipes if a process that could not be found still holds them: nothing else would
        ever end the turn."""
        waiting = asyncio.ensure_future(self._process.wait())
        _, late = await asyncio.wait({waiting, self._stderr}, timeout=REST_SECONDS)
        if late:
            _log.warning("sandbox.pipes_held", pid=self._process.pid)
            # It has no public method for that.
            self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001
        await self._stderr
        return await waiting

    async def _exceed(self, sentence: str) -> None:
        self._exceeded = sentence
        await self._destroy()


async def keep_end(process: asyncio.subprocess.Process, path: Path) -> None:
    """Writes the end of standard error to a file: up to twice STDERR_BYTES, so that a flood fills no disk.

    Reads on if that fails: a full disk or a removed folder must not keep the agent from writing.
    """
    stream = cast("asyncio.StreamReader", process.stderr)
    with ExitStack() as opened:
        file: FileIO | None = None
        with suppress(OSError):
            file = opened.enter_context(FileIO(path, "wb"))
        tail = b""
        while block := await stream.read(65536):
            tail = (tail + block)[-STDERR_BYTES:]
            with suppress(OSError):
                if file:
                    _append(file, block, tail)


def _append(file: FileIO, block: bytes, tail: bytes) -> None:
    file.write(block)
    if file.tell() > 2 * STDERR_BYTES:
        file.seek(0)
        file.truncate()
        file.write(tail)


async def _exit_of(pid: int) -> None:
    """Waits until a child has ended; asyncio may have reaped it before."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await ended(pidfd)
    finally:
        os.close(pidfd)


async def ended(pidfd: int) -> None:
    """Waits until a process has ended. That of a namespace's first process has, only when all others have."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(pidfd, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(pidfd)


def send_signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
