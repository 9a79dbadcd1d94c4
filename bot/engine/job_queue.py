"""Persists jobs before their receipt is confirmed, many in one write.

A write that survives a power cut costs milliseconds, however little it holds. Jobs that arrive during a write go into
the next one, so a burst costs a few writes and no caller waits for more than two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.errors import StoreError
from bot.store.jobs import JobStore, QueuedJob

_log = log.get(__name__)

LARGEST_BATCH = 500

NOTE_DELAY = 0.2
"""Seconds within which started jobs are recorded as such: a late update is harmless, and many make one write."""


class JobQueue:
    """Accepts jobs for one process.

    :param executor: the process' executor id
    :param taken: called with each new job once it is stored, whether or not its caller still waits
    """

    def __init__(
        self, jobs: JobStore, *, executor: str, taken: Callable[[QueuedJob], None], now: Callable[[], datetime]
    ) -> None:
        self._jobs = jobs
        self._executor = executor
        self._taken = taken
        self._now = now
        self._waiting: list[tuple[QueuedJob, asyncio.Future[bool]]] = []
        self._begun: list[str] = []
        self._called = asyncio.Event()
        self._closing = False
        # Not one of the engine's threads: the reply to GitHub must not wait for running workflows.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job-queue")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_all(), name="job-queue")

    async def take(self, job: QueuedJob) -> bool:
        """Stores a job. Once begun, the write completes even if the caller is cancelled.

        :returns: False if it was known already
        :raises StoreError: if the database rejects it; the job is not accepted then
        """
        if self._closing:
            raise StoreError("the bot is being stopped")
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((job, written))
        self._called.set()
        return bool(await asyncio.shield(written))

    def begun(self, identity: str) -> None:
        """Records, soon, that a job was started here."""
        if not self._begun:
            asyncio.get_running_loop().call_later(NOTE_DELAY, self._called.set)
        self._begun.append(identity)

    async def aclose(self) -> None:
        """Writes what is left."""
        self._closing = True
        self._called.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _write_all(self) -> None:
        while self._waiting or self._begun or not self._closing:
            await self._called.wait()
            self._called.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                await self._take(batch)
            if self._begun:
                await self._note()

    async def _take(self, batch: list[tuple[QueuedJob, asyncio.Future[bool]]]) -> None:
        jobs = [job for job, _ in batch]
        take = partial(self._jobs.take, jobs, executor=self._executor, at=self._now())
        try:
            new = await asyncio.get_running_loop().run_in_executor(self._thread, take)
        except (StoreError, SQLAlchemyError, OSError) as error:
            _log.error("job_queue.write_failed", invocations=len(jobs), reason=reason(error))
            for _, written in batch:
                if not written.done():
                    written.set_exception(StoreError(reason(error)))
            return
        for job, written in batch:
            is_new = job.identity in new
            # A batch may hold the same job twice: only the first is new.
            new.discard(job.identity)
            if is_new:
                self._taken(job)
            if not written.done():
                written.set_result(is_new)

    async def _note(self) -> None:
        begun, self._begun = self._begun, []
        begin = partial(self._jobs.begin, begun, executor=self._executor)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, begin)
        except (SQLAlchemyError, OSError) as error:
            # If the job is started a second time, DBOS knows its workflow already, so nothing happens twice.
            _log.warning("job_queue.update_failed", invocations=len(begun), reason=reason(error))


def reason(error: Exception) -> str:
    """The database's error message, without the statement and its values."""
    if isinstance(error, StoreError):
        return str(error)
    words = str(getattr(error, "orig", None) or "").strip() or type(error).__name__
    return words.splitlines()[0]
