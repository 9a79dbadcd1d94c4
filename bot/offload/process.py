"""One worker process, as the bot sees it."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Any

from bot.offload.child import ANSWER, REQUEST, WorkerReply

STARTING = 30.0
"""Seconds that a worker may take to unpickle a piece of work, and to import the modules that it names."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class WorkerProcess:
    """A worker that does one piece of work at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> WorkerProcess:
        """:raises OSError: if the system starts no process"""
        # "-P" keeps the working directory off the path: in a workflow's job it contains the pull request's code. A new
        # session keeps the terminal's Ctrl-C away.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "bot.offload.child",
            stdin=PIPE,
            stdout=PIPE,
            env=_environment(),
            start_new_session=True,
        )
        return cls(process)

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def call(self, work: bytes, *, limit: float) -> tuple[WorkerReply, Any]:
        """Does a piece of work. If this raises anything, the worker cannot be used again.

        :param work: a pickled callable without parameters
        :param limit: seconds
        :returns: the type of the reply, with the returned value or the raised error
        :raises TimeoutError: if it exceeds the limit
        :raises EOFError: if the worker dies meanwhile
        """
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        try:
            async with asyncio.timeout(STARTING) as deadline:
                self._process.stdin.write(REQUEST.pack(len(work), limit) + work)
                await self._process.stdin.drain()
                await self._read()
                end = asyncio.get_running_loop().time() + limit
                deadline.reschedule(end)
                answer, document = await self._read()
            if asyncio.get_running_loop().time() > end:
                # The reply came while the loop was busy, but after the limit.
                raise TimeoutError
        except (ConnectionError, asyncio.IncompleteReadError):
            raise EOFError("the worker has ended") from None
        return answer, pickle.loads(document) if document else None  # noqa: S301 - the worker runs our own code

    async def _read(self) -> tuple[WorkerReply, bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        answer, size = ANSWER.unpack(await self._process.stdout.readexactly(ANSWER.size))
        return WorkerReply(answer), await self._process.stdout.readexactly(size)

    async def kill(self) -> None:
        """Kills it at once, and waits until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()


def _environment() -> dict[str, str]:
    """The variables that Python needs to find the modules that this process has imported. No token: code that a text
    manages to execute in the worker would find none."""
    kept = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
