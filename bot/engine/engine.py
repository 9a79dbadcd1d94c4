"""The engine: accepts command invocations and runs each as a durable workflow.

The path of an invocation: `Engine.submit` -> `JobQueue.submit`, which stores it -> `JobQueue.next`, when a slot is free
-> `Workflows`, which hands it to DBOS -> `execute` -> `on_finished`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from dbos import DBOS
from sqlalchemy.engine import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine import dbos_runtime
from bot.engine.job_queue import JobQueue, WaitingJob
from bot.engine.loop_watch import BLOCKED_AFTER, LoopWatch
from bot.engine.membership import Membership
from bot.engine.recovery import Failover, Recovery
from bot.engine.retention import BROKEN, FAILED, delete_old
from bot.engine.tracing import Tracing
from bot.engine.workflows import Execute, GiveUp, OnFinished, Workflows
from bot.errors import Service, StoreError
from bot.execution.invocation import CommandInvocation
from bot.execution.services import Services
from bot.storage.jobs import JobState, JobStore, Queue, QueuedJob
from bot.storage.queries import reason, run_in_thread
from bot.tasks import cancel_and_wait

T = TypeVar("T")

_log = log.get(__name__)

RETENTION_INTERVAL = 60.0
"""Seconds between two deletions of old data."""


class Engine:
    """DBOS on the bot's own database. At most one per process: DBOS keeps global state.

    :param database: owned by the caller, migrated
    :param dbos_database: the same database for DBOS, owned by the caller too
    :param membership: of this process among those on the same database, not yet started
    :param execute: carries out an invocation
    :param give_up: replies to one during which process after process ended
    :param on_finished: called with the stage in which each command ended; None if a failure could not be reported
    :param replaced: set when another process has recovered the work of this one, which has to end
    :param on_stuck: called in a signal handler when the loop has been blocked for a minute: the process has to end
    :param tracing: sends workflows to a collector
    :param polling: seconds between DBOS's polls of its tables; stopping takes as long
    :param recovery_interval: seconds between two searches for work that no executor has
    :param retry_delay: seconds until the retry of a job that could not be handed to DBOS or was interrupted by a
        database error
    :param loop_blocked: seconds for which a command blocks the event loop before that is recorded
    :param on_refused: called when GitHub refuses the bot's credential: commands are held until `resume_held`
    :param drain: seconds at shutdown for workflows that are not waiting for something else
    """

    def __init__(
        self,
        database: Database,
        dbos_database: Database,
        membership: Membership,
        *,
        services: Services,
        execute: Execute,
        give_up: GiveUp,
        on_finished: OnFinished = lambda _invocation, _stage: None,
        replaced: asyncio.Event | None = None,
        on_stuck: Callable[[], None] = lambda: None,
        tracing: Tracing | None = None,
        polling: float = 1.0,
        recovery_interval: float = 30.0,
        retry_delay: float = 5.0,
        loop_blocked: float = BLOCKED_AFTER,
        on_refused: Callable[[Service], None] = lambda _service: None,
        drain: float = 5.0,
    ) -> None:
        self._dbos_database = dbos_database
        self._membership = membership
        self._replaced = replaced or asyncio.Event()
        self._tracing = tracing
        self._polling = polling
        self._recovery_interval = recovery_interval
        self._drain = drain
        self._jobs = JobStore(database)
        self._queue = JobQueue(self._jobs, executor=membership.executor)
        self._recovery = Recovery(self._jobs, self._queue, membership)
        self._failover = Failover(membership, self._recovery)
        self._workflows = Workflows(
            self._queue,
            self._jobs,
            membership,
            services=services,
            execute=execute,
            give_up=give_up,
            on_finished=on_finished,
            tracing=tracing,
            retry_delay=retry_delay,
            on_refused=on_refused,
        )
        self._loop_watch = LoopWatch(self._jobs, on_stuck=on_stuck, seconds=loop_blocked)
        self._background: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self._end_of_dbos: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts the engine and resumes what a crash left. Call it on the event loop that is to do the work."""
        await run_in_thread(partial(dbos_runtime.migrate, self._dbos_database))
        pulse = await self._membership.start()
        self._queue.start()
        self._loop_watch.start()
        self._workflows.start(self._dbos_database, polling=self._polling)
        # Executors that were stopped cleanly; on SQLite, which serves one process, all others.
        for dead in pulse.dead:
            await self._failover.replace(dead)
        await self._recovery.recover_leftovers()
        delete = partial(delete_old, self._jobs)
        self._background = [
            asyncio.create_task(self._stay_member(), name="heartbeat"),
            asyncio.create_task(self._failover.run(), name="failover"),
            asyncio.create_task(self._repeat("retention", delete, RETENTION_INTERVAL)),
            asyncio.create_task(self._repeat("leftovers", self._recovery.recover_leftovers, self._recovery_interval)),
        ]
        _log.info("engine.started", executor=self._membership.executor)

    async def submit(self, invocation: CommandInvocation) -> bool:
        """Accepts an invocation: when this returns, it survives a crash. One that was accepted before is ignored,
        unless it ended without a reply.

        :returns: False if it is ignored
        :raises StoreError: if the database rejects it
        """
        bound = log.bound_values()
        document = {
            **invocation.to_json(),
            # Of this submission, and not of a duplicate: whoever starts the workflow knows by it that it is new.
            "submission_id": uuid.uuid4().hex,
            "log_context": {key: bound[key] for key in ("delivery", "event_name") if key in bound},
        }
        job = QueuedJob(invocation.identity, document)
        if self._membership.is_replaced:
            raise StoreError("another process has recovered this one's work")
        return await self._queue.submit(job) or await self._requeue_failed(job)

    async def _requeue_failed(self, job: QueuedJob) -> bool:
        """Requeues a known job if its workflow failed without a reply."""
        found = await _query(partial(self._jobs.find, job.identity))
        has_failed = found == (JobState.ENDED, BROKEN)
        if found is not None and found[0] is not JobState.ENDED:
            # Its start may not be recorded yet.
            status = await DBOS.get_workflow_status_async(job.identity)
            has_failed = status is not None and status.status in FAILED
        if not has_failed:
            return False
        await DBOS.delete_workflow_async(job.identity)
        await _query(partial(self._jobs.requeue, job, executor=self._membership.executor, at=datetime.now(UTC)))
        _log.info("job.requeued", invocation=job.identity)
        self._queue.put(WaitingJob(job, is_new=False))
        return True

    def resume_held(self) -> None:
        """Resumes the commands that were held because GitHub refused the bot's credential."""
        self._workflows.resume_held()

    async def queue(self) -> Queue:
        """The waiting jobs of all processes on the database.

        :raises StoreError: if the database fails
        """
        return await _query(self._jobs.queue)

    async def check(self) -> None:
        """:raises StoreError: if jobs would be rejected: the database is not writable, or the engine is stopping"""
        if self._is_stopping or any(task.done() for task in self._background):
            raise StoreError("the engine is being stopped")
        await _query(partial(self._membership.executors.touch, self._membership.executor))

    @property
    def running(self) -> int:
        """The number of workflows running in this process."""
        return len(self._workflows)

    async def stop(self) -> None:
        """Ends what runs, within the drain and a moment; interrupted workflows are resumed at the next start, or by
        another process."""
        self._is_stopping = True
        self._workflows.close()
        heartbeat, *others = self._background
        await cancel_and_wait(*others)
        await self._workflows.aclose(drain=self._drain)
        await self._queue.aclose()
        if self._tracing is not None:
            await self._tracing.end()
        await (self._end_of_dbos or dbos_runtime.end())
        await self._loop_watch.aclose()
        # Up to here the work still belonged to this executor.
        await cancel_and_wait(heartbeat)
        await self._membership.stop()

    async def _stay_member(self) -> None:
        """Returns once another executor has replaced this one, after ending its workflows here."""
        await self._membership.run()
        self._is_stopping = True
        # First of all, stop taking work from the queue.
        self._end_of_dbos = asyncio.create_task(dbos_runtime.end(), name="end-of-dbos")
        self._workflows.close()
        self._workflows.suspend()
        self._replaced.set()

    async def _repeat(self, name: str, work: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Repeats work that one process does for all."""
        while True:
            await asyncio.sleep(seconds)
            try:
                if self._membership.leads:
                    await work()
            except Exception as error:  # noqa: BLE001 - the next round makes up for it
                why = type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)
                _log.warning(f"{name}.failed", reason=why)


async def _query(work: Callable[[], T]) -> T:
    """:raises StoreError: if the database fails"""
    try:
        return await run_in_thread(work)
    except SQLAlchemyError as error:
        raise StoreError(reason(error)) from None
