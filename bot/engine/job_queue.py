"""The queue of jobs: each is stored before its receipt is confirmed, and handed out when its turn comes.

A write that survives a power cut costs milliseconds, however little it holds. Jobs that arrive during a write go into
the next one, so a burst costs a few writes and no caller waits for more than two.

A thousand commands in a minute are handed out a few at a time, so that accepting jobs and continuing running workflows
do not wait for new ones. Users take turns: one user's hundred commands do not hold up the others. A workflow that waits
for something else (a run, a confirmation), or that takes long for any reason, gives up its slot, so that no command
waits for another one's run.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.errors import StoreError
from bot.storage.jobs import JobStore, QueuedJob
from bot.storage.queries import reason

_log = log.get(__name__)

LARGEST_BATCH = 500

START_DELAY = 0.2
"""Seconds within which started jobs are recorded as such: a late update is harmless, and many make one write."""

SLOTS = 8
"""Commands that run at once."""

SLOT_TIMEOUT = 1.0
"""Seconds after which a running command no longer counts against the concurrency limit."""


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """:param is_new: False if it may have been started before, so that whatever it sent has to be looked up"""

    job: QueuedJob
    is_new: bool


class JobQueue:
    """The queue of one process.

    :param executor: the process' executor id
    :param slots: jobs that are handed out at once
    :param slot_timeout: seconds for which a job keeps its slot
    """

    def __init__(
        self, jobs: JobStore, *, executor: str, slots: int = SLOTS, slot_timeout: float = SLOT_TIMEOUT
    ) -> None:
        self._jobs = jobs
        self._executor = executor
        self._unstored: list[tuple[QueuedJob, asyncio.Future[bool]]] = []
        self._started: list[str] = []
        self._has_writes = asyncio.Event()
        self._closing = False
        # Not one of the engine's threads: the reply to GitHub must not wait for running workflows.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job-queue")
        self._writer: asyncio.Task[None] | None = None
        self._waiting: OrderedDict[str, deque[WaitingJob]] = OrderedDict()  # by login; whose turn is next comes first
        self._has_jobs = asyncio.Event()
        self._slots = asyncio.Semaphore(slots)
        self._slot_timeout = slot_timeout
        self._running: dict[str, asyncio.TimerHandle] = {}

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write_all(), name="job-queue")

    # Accepting jobs

    async def submit(self, job: QueuedJob) -> bool:
        """Stores a job and lets it wait. Once begun, the write completes even if the caller is cancelled.

        :returns: False if it was known already
        :raises StoreError: if the database rejects it; the job is not accepted then
        """
        if self._closing:
            raise StoreError("the bot is being stopped")
        stored = asyncio.get_running_loop().create_future()
        self._unstored.append((job, stored))
        self._has_writes.set()
        return bool(await asyncio.shield(stored))

    def put(self, waiting: WaitingJob) -> None:
        """Lets a job wait that is stored."""
        login = str((waiting.job.document.get("person") or {}).get("login", "")).lower()
        self._waiting.setdefault(login, deque()).append(waiting)
        self._has_jobs.set()

    # Handing them out

    async def next(self) -> WaitingJob:
        """Waits for a free slot and a job: each user's oldest one in turn. For one caller at a time."""
        await self._slots.acquire()
        await self._has_jobs.wait()
        login, jobs = self._waiting.popitem(last=False)
        waiting = jobs.popleft()
        if jobs:
            self._waiting[login] = jobs
        elif not self._waiting:
            self._has_jobs.clear()
        identity = waiting.job.identity
        self.release(identity)
        self._running[identity] = asyncio.get_running_loop().call_later(self._slot_timeout, self.release, identity)
        return waiting

    def release(self, identity: str) -> None:
        """Frees a job's slot; does nothing if it was freed already."""
        if (timer := self._running.pop(identity, None)) is not None:
            timer.cancel()
            self._slots.release()

    def mark_started(self, identity: str) -> None:
        """Records, soon, that a job was started here."""
        if not self._started:
            asyncio.get_running_loop().call_later(START_DELAY, self._has_writes.set)
        self._started.append(identity)

    async def aclose(self) -> None:
        """Writes what is left."""
        self._closing = True
        self._has_writes.set()
        if self._writer is not None:
            await self._writer
        self._thread.shutdown()
        for timer in self._running.values():
            timer.cancel()

    # The writer

    async def _write_all(self) -> None:
        while self._unstored or self._started or not self._closing:
            await self._has_writes.wait()
            self._has_writes.clear()
            while self._unstored:
                batch, self._unstored = self._unstored[:LARGEST_BATCH], self._unstored[LARGEST_BATCH:]
                await self._store(batch)
            if self._started:
                await self._store_started()

    async def _store(self, batch: list[tuple[QueuedJob, asyncio.Future[bool]]]) -> None:
        jobs = [job for job, _ in batch]
        take = partial(self._jobs.take, jobs, executor=self._executor, at=datetime.now(UTC))
        try:
            new = await asyncio.get_running_loop().run_in_executor(self._thread, take)
        except (StoreError, SQLAlchemyError, OSError) as error:
            _log.error("job_queue.write_failed", invocations=len(jobs), reason=reason(error))
            for _, stored in batch:
                if not stored.done():
                    stored.set_exception(StoreError(reason(error)))
            return
        for job, stored in batch:
            is_new = job.identity in new
            # A batch may hold the same job twice: only the first is new.
            new.discard(job.identity)
            if is_new:
                # Whether or not its caller still waits.
                self.put(WaitingJob(job, is_new=True))
            if not stored.done():
                stored.set_result(is_new)

    async def _store_started(self) -> None:
        started, self._started = self._started, []
        start = partial(self._jobs.start, started, executor=self._executor)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, start)
        except (SQLAlchemyError, OSError) as error:
            # If the job is started a second time, DBOS knows its workflow already, so nothing happens twice.
            _log.warning("job_queue.update_failed", invocations=len(started), reason=reason(error))
