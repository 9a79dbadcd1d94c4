"""`WorkerPool` runs work on untrusted text; `WorkerProcess` is one worker as the bot sees it."""

from __future__ import annotations

import asyncio
import contextvars
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from bot import log
from bot.errors import OffloadError, WorkLimitError
from bot.tasks import cancel_and_wait
from bot.text.offload.child import ANSWER, REQUEST, WorkerReply

T = TypeVar("T")

_log = log.get(__name__)

LIMIT = 10.0
"""Seconds that a piece of work may take in a worker."""

MOST_WORKERS = 2

INLINE = 4_096
"""Bytes of a piece of work up to which it runs on the loop. Escaping this much text takes about 13 ms; a worker replies
1 ms later, but takes half a second of processor time to start, and most replies are shorter."""

IDLE = 300.0
"""Seconds after which an idle worker is ended. It uses 17 to 35 MB, depending on what it has imported."""

STARTING = 30.0
"""Seconds that a worker may take to unpickle a piece of work, and to import the modules that it names."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class WorkerPool:
    """Worker processes, started when they are needed and ended when they have been idle for a while.

    :param limit: seconds that a piece of work may take
    :param most: processes at the same time; further work waits for a free one
    :param inline: bytes of a piece of work, pickled, up to which it runs at once in this process
    :param idle: seconds after which an idle process is ended
    """

    def __init__(
        self, *, limit: float = LIMIT, most: int = MOST_WORKERS, inline: int = INLINE, idle: float = IDLE
    ) -> None:
        self._limit = limit
        self._inline = inline
        self._idle = idle
        self._turns = asyncio.Semaphore(most)
        self._unused: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._preparation: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def prepare(self, work: Callable[[], object]) -> None:
        """Has a worker do this work in the background, unless there is an idle one: the next work finds its modules
        imported. If that fails, the next work starts a worker.

        :param work: as for `run`; it must be done in a moment
        """
        if self._unused or self._preparation is not None or self._turns.locked():
            return
        self._preparation = asyncio.create_task(self._prepared(work), context=contextvars.Context())

    async def _prepared(self, work: Callable[[], object]) -> None:
        try:
            async with self._turns:
                await self._done(pickle.dumps(work, protocol=5), self._limit, work)
        except (OffloadError, WorkLimitError) as error:
            _log.warning("worker.not_prepared", reason=str(error))
        finally:
            self._preparation = None

    async def run(self, work: Callable[[], T], *, limit: float | None = None, is_slow: bool = False) -> T:
        """Runs the work: short work in this process, longer work in a worker.

        :param work: a module's function, with its arguments by `functools.partial`; all of it can be pickled
        :param limit: seconds that it may take in a worker, if that is less than the pool's own limit
        :param is_slow: whether even short work may take a while: it runs in a thread then, and must limit its own time
        :returns: what it returns; what it raises is raised
        :raises WorkLimitError: if it takes too long, or too much memory
        :raises OffloadError: if no worker can do it
        """
        written = pickle.dumps(work, protocol=5)
        if len(written) <= self._inline:
            return await asyncio.to_thread(work) if is_slow else work()
        limit = self._limit if limit is None else min(limit, self._limit)
        if self._preparation is not None:
            # A second worker would not be ready sooner.
            await asyncio.wait((self._preparation,))
        async with self._turns:
            answer, document = await self._done(written, limit, work)
        match answer:
            case WorkerReply.RETURNED:
                result: T = document
                return result
            case WorkerReply.RAISED:
                error: Exception = document
                raise error
            case _:
                _log.error("worker.out_of_memory", work=_name(work), size=len(written))
                raise WorkLimitError("it took too much memory")

    async def aclose(self) -> None:
        """Ends all workers. Callers that wait for one must be cancelled first."""
        if self._preparation is not None:
            await cancel_and_wait(self._preparation)
        for worker in [*self._unused]:
            self._retire(worker)
        await asyncio.gather(*self._ending)

    async def _done(self, written: bytes, limit: float, work: Callable[[], T]) -> tuple[WorkerReply, Any]:
        for _ in range(2):
            worker = await self._take()
            is_usable = False
            try:
                answer, document = await worker.call(written, limit=limit)
                is_usable = answer is not WorkerReply.OUT_OF_MEMORY
            except TimeoutError:
                _log.error("worker.too_slow", work=_name(work), size=len(written), seconds=limit)
                raise WorkLimitError(f"it took longer than {limit:g} seconds") from None
            except EOFError:
                # The system may have killed it for another reason; if a second one dies, the work is the cause.
                _log.warning("worker.ended", work=_name(work), size=len(written))
            else:
                return answer, document
            finally:
                if is_usable:
                    self._give_back(worker)
                else:
                    await asyncio.shield(self._end(worker))
        raise OffloadError("two worker processes ended over it")

    async def _take(self) -> WorkerProcess:
        while self._unused:
            worker, timer = self._unused.popitem()
            timer.cancel()
            if not worker.has_ended:
                return worker
            self._end(worker)
        try:
            return await WorkerProcess.start()
        except OSError as error:
            _log.error("worker.not_started", reason=str(error))
            raise OffloadError("no worker process could be started") from None

    def _give_back(self, worker: WorkerProcess) -> None:
        loop = asyncio.get_running_loop()
        self._unused[worker] = loop.call_later(self._idle, self._retire, worker, context=contextvars.Context())

    def _retire(self, worker: WorkerProcess) -> None:
        self._unused.pop(worker).cancel()
        self._end(worker)

    def _end(self, worker: WorkerProcess) -> asyncio.Task[None]:
        task = asyncio.create_task(worker.kill(), name="worker-end", context=contextvars.Context())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task


def _name(work: Callable[[], object]) -> str:
    function = work.func if isinstance(work, partial) else work
    return f"{function.__module__}.{function.__qualname__}"


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
            "bot.text.offload.child",
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
