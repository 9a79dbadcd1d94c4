"""The engine: accepts command invocations and runs each as a durable workflow."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from dbos import DBOS, SetWorkflowID
from sqlalchemy.engine import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine import launching
from bot.engine.concurrency import ConcurrencyLimiter
from bot.engine.dbos_internals import recover_workflows
from bot.engine.delayed_retry import DelayedRetry
from bot.engine.failover import Failover
from bot.engine.job_queue import JobQueue, reason
from bot.engine.leftovers import Leftovers
from bot.engine.loop_watch import SECONDS, LoopWatch
from bot.engine.membership import Membership
from bot.engine.retention import BROKEN, FAILED, Retention
from bot.engine.traces import Traces
from bot.engine.workflows import Execute, GiveUp, OnFinished, WorkflowRunner
from bot.errors import StoreError
from bot.handlers.invocation import CommandInvocation
from bot.handlers.services import Services
from bot.store.executors import Executors
from bot.store.jobs import JobState, JobStore, Queue, QueuedJob
from bot.store.threads import run_in_thread

_log = log.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTiming:
    """Intervals and delays, in seconds.

    :param polling: between DBOS's polls of its tables; stopping takes as long
    :param housekeeping: between two rounds of retention
    :param leftovers: between two searches for work that no executor has
    :param again: until the retry of a job that could not be handed to DBOS or was interrupted by a database error
    :param loop_held: for which a command blocks the event loop before that is recorded
    :param drain: grace period at shutdown for workflows that are not waiting for something else
    """

    polling: float = 1.0
    housekeeping: float = 60.0
    leftovers: float = 30.0
    again: float = 5.0
    loop_held: float = SECONDS
    drain: float = 5.0


@dataclass(frozen=True, slots=True)
class _Beginning:
    """:param is_new: False if the job may have been started before, so that whatever it sent has to be looked up"""

    taken: QueuedJob
    is_new: bool


class Engine:
    """DBOS on the bot's own database. At most one per process: DBOS keeps global state.

    :param database: owned by the caller, migrated
    :param dbos_database: the same database for DBOS, owned by the caller too
    :param membership: of this process among those on the same database, not yet started
    :param execute: carries out an invocation
    :param give_up: replies to one during which process after process ended
    :param on_finished: called with the stage in which each command ended; None if a failure could not be reported
    :param gone: called with the executor id of a process whose work was recovered
    :param lost: called when another process has recovered the work of this one, which has to end
    :param stuck: called in a signal handler when the loop has been blocked for a minute: the process has to end
    :param traces: sends workflows to a collector
    """

    def __init__(
        self,
        database: Database,
        dbos_database: Database,
        executors: Executors,
        membership: Membership,
        *,
        services: Services,
        execute: Execute,
        give_up: GiveUp,
        on_finished: OnFinished = lambda _invocation, _stage: None,
        gone: Callable[[str], None] = lambda _executor: None,
        lost: Callable[[], None] = lambda: None,
        stuck: Callable[[], None] = lambda: None,
        traces: Traces | None = None,
        timing: EngineTiming | None = None,
    ) -> None:
        self._dbos_database = dbos_database
        self._membership = membership
        self._gone = gone
        self._lost = lost
        self._traces = traces
        self._timing = timing or EngineTiming()
        self._jobs = JobStore(database)
        self._executors = executors
        self._failover = Failover(membership, self._executors, recover=self._recover)
        self._leftovers = Leftovers(
            self._jobs, self._executors, executor=membership.executor, put=partial(self._put, is_new=False)
        )
        self._job_queue = JobQueue(
            self._jobs, executor=membership.executor, taken=self._put, now=lambda: datetime.now(UTC)
        )
        self._limiter = ConcurrencyLimiter(self._begin)
        self._retry = DelayedRetry(self._timing.again)
        self._runner = WorkflowRunner(
            services,
            execute,
            give_up=give_up,
            loop_holds=self._jobs.loop_holds,
            on_finished=on_finished,
            resumed=self._job_queue.begun,
            on_slot_released=self._limiter.leave,
            fence=membership.check,
            retry=self._retry,
            traces=traces,
        )
        self._loop_watch = LoopWatch(
            note=self._jobs.hold_loop,
            clear=self._jobs.free_loop,
            stuck=stuck,
            seconds=self._timing.loop_held,
        )
        self._watching: list[asyncio.Task[None]] = []
        self._workflow: Callable[[dict[str, Any]], Any] | None = None
        self._stopping = False
        self._ended: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts the engine and resumes what a crash left. Call it on the event loop that is to do the work."""
        await run_in_thread(partial(launching.migrate, self._dbos_database))
        pulse = await self._membership.start()
        self._job_queue.start()
        self._loop_watch.start()
        self._workflow = launching.launch(
            self._dbos_database,
            self._runner.run_workflow,
            executor_id=self._membership.executor,
            polling=self._timing.polling,
            traces=self._traces,
        )
        # Executors that were stopped cleanly; on SQLite, which serves one process, all others.
        for dead in pulse.dead:
            await self._failover.replace(dead)
        await self._leftovers.recover()
        retention = Retention(self._jobs, leads=lambda: self._membership.leads, period=self._timing.housekeeping)
        self._watching = [
            asyncio.create_task(self._stay_member(), name="heartbeat"),
            asyncio.create_task(self._failover.run(), name="failover"),
            asyncio.create_task(retention.keep(), name="retention"),
            asyncio.create_task(self._recover_leftovers(), name="leftovers"),
        ]
        _log.info("engine.started", executor=self._membership.executor)

    async def submit(self, invocation: CommandInvocation) -> bool:
        """Accepts an invocation: when this returns, it survives a crash. One that was accepted before is ignored,
        unless it ended without a reply.

        :returns: False if it is ignored
        :raises StoreError: if the database rejects it
        """
        bound = structlog.contextvars.get_contextvars()
        document = {
            **invocation.to_json(),
            # The database returns this id only if the row is new; that is how duplicates are detected.
            "submission_id": uuid.uuid4().hex,
            "log_context": {key: bound[key] for key in ("delivery", "event_name") if key in bound},
        }
        taken = QueuedJob(invocation.identity, document)
        if self._membership.is_lost:
            raise StoreError("another process has taken this one's work over")
        return await self._job_queue.take(taken) or await self._again(taken)

    def _put(self, taken: QueuedJob, *, is_new: bool = True) -> None:
        self._begin_in_turn(_Beginning(taken, is_new=is_new))

    def _begin_in_turn(self, beginning: _Beginning) -> None:
        taken = beginning.taken
        login = str((taken.document.get("person") or {}).get("login", ""))
        self._limiter.put(taken.identity, beginning, owner=login.lower())

    async def _again(self, taken: QueuedJob) -> bool:
        """Requeues a known job if its workflow failed without a reply."""
        found = await _run_in_thread(lambda: self._jobs.find(taken.identity))
        broken = found is not None and found[0] is JobState.ENDED and found[1] == BROKEN
        if found is not None and found[0] is not JobState.ENDED:
            # Its start may not be recorded yet.
            status = await DBOS.get_workflow_status_async(taken.identity)
            broken = status is not None and status.status in FAILED
        if not broken:
            return False
        await DBOS.delete_workflow_async(taken.identity)
        await _run_in_thread(lambda: self._jobs.again(taken, executor=self._membership.executor, at=datetime.now(UTC)))
        _log.info("job.requeued", invocation=taken.identity)
        self._put(taken, is_new=False)
        return True

    async def queue(self) -> Queue:
        """The waiting jobs of all processes on the database."""
        found: Queue = await _run_in_thread(self._jobs.queue)
        return found

    async def check(self) -> None:
        """:raises StoreError: if jobs would be rejected: the database is not writable, or the engine is stopping"""
        if self._stopping or any(task.done() for task in self._watching):
            raise StoreError("the engine is being stopped")
        await _run_in_thread(lambda: self._executors.touch(self._membership.executor))

    @property
    def at_work(self) -> int:
        """The number of workflows running in this process."""
        return len(self._runner)

    async def stop(self) -> None:
        """Ends what runs, within `EngineTiming.drain` and a moment; interrupted workflows are resumed at the next
        start, or by another process."""
        self._stopping = True
        self._runner.close()
        self._retry.close()
        heartbeat, *others = self._watching
        await _end(*others)
        await self._limiter.aclose()
        await self._runner.settle(self._timing.drain)
        await self._runner.aclose()
        await self._job_queue.aclose()
        if self._traces is not None:
            await self._traces.end()
        await (self._ended or launching.end())
        await self._loop_watch.aclose()
        # Up to here the work still belonged to this executor.
        await _end(heartbeat)
        await self._membership.stop()

    async def _stay_member(self) -> None:
        """Returns once another executor has replaced this one, after ending its workflows here."""
        await self._membership.run()
        self._stopping = True
        # First of all, stop taking work from the queue.
        self._ended = asyncio.create_task(launching.end(), name="end-of-dbos")
        self._runner.close()
        self._retry.close()
        self._runner.cut_off()
        self._lost()

    async def _recover_leftovers(self) -> None:
        """Recovers, every so often, what an executor took after it was replaced and before it noticed."""
        while True:
            await asyncio.sleep(self._timing.leftovers)
            try:
                if self._membership.leads:
                    await self._leftovers.recover()
            except (SQLAlchemyError, StoreError) as error:
                _log.warning("leftovers.not_recovered", reason=type(error).__name__)

    async def _adopt(self, of: str) -> int:
        waiting = await _run_in_thread(lambda: self._jobs.adopt(of=of, executor=self._membership.executor))
        for taken in waiting:
            # It may have been started a moment before its executor died, without that being recorded.
            self._put(taken, is_new=False)
        return len(waiting)

    async def _recover(self, dead: str) -> None:
        """Puts a dead executor's started workflows into the common queue, and its waiting jobs into this process'
        own."""
        begun = await run_in_thread(partial(recover_workflows, dead))
        restarted = await self._leftovers.restart_of(dead)
        waiting = await self._adopt(dead)
        await _run_in_thread(partial(self._gone, dead))
        _log.info("executor.recovered", executor=dead, begun=begun, restarted=restarted, waiting=waiting)

    async def _begin(self, beginning: _Beginning) -> None:
        """Hands a job to DBOS, which runs it from then on."""
        assert self._workflow is not None  # noqa: S101 - start() has made it
        taken, nonce = beginning.taken, str(beginning.taken.document.get("submission_id", ""))
        if beginning.is_new:
            self._runner.expect(nonce)
        try:
            await self._membership.check()
            with SetWorkflowID(taken.identity):
                await DBOS.start_workflow_async(self._workflow, taken.document)
        except Exception:  # noqa: BLE001 - whatever it is, the job is stored and retried
            self._runner.expect_no_more(nonce)
            self._limiter.leave(taken.identity)
            _log.exception("job.start_failed", invocation=taken.identity)
            self._retry.schedule(lambda: self._begin_in_turn(beginning))
            return
        self._job_queue.begun(taken.identity)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _run_in_thread(work: Callable[[], Any]) -> Any:
    """Runs it in a thread.

    :raises StoreError: if the database fails
    """
    try:
        return await run_in_thread(work)
    except SQLAlchemyError as error:
        raise StoreError(reason(error)) from None
