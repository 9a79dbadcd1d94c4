"""`WorkerPool`: runs work on untrusted text."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from bot import log
from bot.errors import OffloadError, WorkLimitError
from bot.offload.child import WorkerReply
from bot.offload.process import WorkerProcess

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
        self._ending: set[asyncio.Task[None]] = set()

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
