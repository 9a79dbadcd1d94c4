"""The engine: takes orders and carries them out."""

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
from bot.engine.workflows import Execute, GiveUp, Heard, WorkflowRunner
from bot.errors import StoreError
from bot.handlers.invocation import CommandInvocation
from bot.handlers.services import Services
from bot.store.executors import Executors
from bot.store.jobs import JobState, JobStore, Queue, QueuedJob
from bot.store.threads import run_in_thread

_log = log.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTiming:
    """How often the engine looks, in seconds.

    :param polling: between DBOS's looks at its tables; stopping takes as long
    :param housekeeping: between two clearings of the database
    :param leftovers: between two looks for work that no executor has
    :param again: until an order that could not be handed to DBOS, or was cut off by the database, is tried again
    :param loop_held: for which a command holds the event loop before that is noted
    :param drain: for which stories that are not waiting for others may go on after they were told to stop
    """

    polling: float = 1.0
    housekeeping: float = 60.0
    leftovers: float = 30.0
    again: float = 5.0
    loop_held: float = SECONDS
    drain: float = 5.0


@dataclass(frozen=True, slots=True)
class _Beginning:
    """:param is_new: False where the order was told before, so that whatever it sent has to be looked for"""

    taken: QueuedJob
    is_new: bool


class Engine:
    """DBOS on the bot's own database. One at a time in a process: DBOS keeps its state there.

    :param database: owned by the caller, its tables brought up
    :param dbos_database: the same for DBOS, owned by the caller too
    :param membership: of this process among those on the same database, not yet started
    :param execute: what is done with an order
    :param give_up: answers one over which process after process ended
    :param heard: is told how each order ended; None: with a failure that could not be told anybody
    :param gone: hears the name of a process whose work was taken over
    :param lost: is called where the work here is not this process' any more: it has to end
    :param stuck: is called in a signal's handler where the loop has been held for a minute: the process has to end
    :param traces: what sends the stories to a collector
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
        heard: Heard = lambda _invocation, _stage: None,
        gone: Callable[[str], None] = lambda _executor: None,
        lost: Callable[[], None] = lambda: None,
        stuck: Callable[[], None] = lambda: None,
        traces: Traces | None = None,
        timing: EngineTiming | None = None,
    ) -> None:
        self._dbos_database = dbos_database
        self._membership = membership
        self._executor_id = membership.executor
        self._gone = gone
        self._lost = lost
        self._traces = traces
        self._rhythm = timing or EngineTiming()
        self._jobs = JobStore(database)
        self._executors = executors
        self._failover = Failover(membership, self._executors, recover=self._recover)
        self._leftovers = Leftovers(
            self._jobs, self._executors, executor=membership.executor, put=partial(self._put, is_new=False)
        )
        self._inbox = JobQueue(self._jobs, executor=membership.executor, taken=self._put, now=lambda: datetime.now(UTC))
        self._places = ConcurrencyLimiter(self._begin)
        self._later = DelayedRetry(self._rhythm.again)
        self._stories = WorkflowRunner(
            services,
            execute,
            give_up=give_up,
            loop_holds=self._jobs.loop_holds,
            heard=heard,
            resumed=self._inbox.begun,
            on_slot_released=self._places.leave,
            fence=membership.check,
            later=self._later,
            traces=traces,
        )
        self._loop_watch = LoopWatch(
            note=self._jobs.hold_loop,
            clear=self._jobs.free_loop,
            stuck=stuck,
            seconds=self._rhythm.loop_held,
        )
        self._watching: list[asyncio.Task[None]] = []
        self._workflow: Callable[[dict[str, Any]], Any] | None = None
        self._stopping = False
        self._ended: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the engine and goes on with what a crash left. Call it on the loop that is to do the work."""
        await run_in_thread(partial(launching.migrate, self._dbos_database))
        pulse = await self._membership.start()
        self._inbox.start()
        self._loop_watch.start()
        self._workflow = launching.launch(
            self._dbos_database,
            self._stories.tell,
            executor_id=self._executor_id,
            polling=self._rhythm.polling,
            traces=self._traces,
        )
        # Those that were stopped in order; on SQLite, which serves one process, all others.
        for dead in pulse.dead:
            await self._failover.replace(dead)
        await self._leftovers.recover()
        housekeeping = Retention(self._jobs, leads=lambda: self._membership.leads, period=self._rhythm.housekeeping)
        self._watching = [
            asyncio.create_task(self._stay_member(), name="heartbeat"),
            asyncio.create_task(self._failover.run(), name="failover"),
            asyncio.create_task(housekeeping.keep(), name="housekeeping"),
            asyncio.create_task(self._recover_leftovers(), name="leftovers"),
        ]
        _log.info("engine.started", executor=self._executor_id)

    async def submit(self, invocation: CommandInvocation) -> bool:
        """Takes an order: when this returns, the order survives a crash. One that was taken before is left alone,
        unless it ended without an answer.

        :returns: False where it is left alone
        :raises StoreError: where the database does not take it
        """
        told = structlog.contextvars.get_contextvars()
        document = {
            **invocation.to_json(),
            # Only an order that the database did not know yet comes back with this word.
            "submission_id": uuid.uuid4().hex,
            "log_context": {key: told[key] for key in ("delivery", "event_name") if key in told},
        }
        taken = QueuedJob(invocation.identity, document)
        if self._membership.is_lost:
            raise StoreError("another process has taken this one's work over")
        return await self._inbox.take(taken) or await self._again(taken)

    def _put(self, taken: QueuedJob, *, is_new: bool = True) -> None:
        self._begin_in_turn(_Beginning(taken, is_new=is_new))

    def _begin_in_turn(self, beginning: _Beginning) -> None:
        taken = beginning.taken
        login = str((taken.document.get("person") or {}).get("login", ""))
        self._places.put(taken.identity, beginning, owner=login.lower())

    async def _again(self, taken: QueuedJob) -> bool:
        """A known order comes once more. One whose story broke before anybody got an answer is told anew."""
        found = await _run_in_thread(lambda: self._jobs.find(taken.identity))
        broken = found is not None and found[0] is JobState.ENDED and found[1] == BROKEN
        if found is not None and found[0] is not JobState.ENDED:
            # That it was begun may not be noted yet.
            status = await DBOS.get_workflow_status_async(taken.identity)
            broken = status is not None and status.status in FAILED
        if not broken:
            return False
        await DBOS.delete_workflow_async(taken.identity)
        await _run_in_thread(lambda: self._jobs.again(taken, executor=self._executor_id, at=datetime.now(UTC)))
        _log.info("job.requeued", invocation=taken.identity)
        self._put(taken, is_new=False)
        return True

    async def queue(self) -> Queue:
        """The orders that wait, of all processes on the database."""
        found: Queue = await _run_in_thread(self._jobs.queue)
        return found

    async def check(self) -> None:
        """:raises StoreError: where orders would not be taken: the database is closed to writing, or the engine ends"""
        if self._stopping or any(task.done() for task in self._watching):
            raise StoreError("the engine is being stopped")
        await _run_in_thread(lambda: self._executors.touch(self._executor_id))

    @property
    def at_work(self) -> int:
        """How many stories are under way here."""
        return len(self._stories)

    async def stop(self) -> None:
        """Ends what runs, within the rhythm's `drain` and a moment; what is cut off is told on at the next start, or by
        another process."""
        self._stopping = True
        self._stories.close()
        self._later.close()
        heartbeat, *others = self._watching
        await _end(*others)
        await self._places.aclose()
        await self._stories.settle(self._rhythm.drain)
        await self._stories.aclose()
        await self._inbox.aclose()
        if self._traces is not None:
            await self._traces.end()
        await (self._ended or launching.end())
        await self._loop_watch.aclose()
        # Until here the work was still this executor's.
        await _end(heartbeat)
        await self._membership.stop()

    async def _stay_member(self) -> None:
        """Until another executor has replaced this one: its workflows must not go on here."""
        await self._membership.run()
        self._stopping = True
        # First of all no more work is taken from the queue.
        self._ended = asyncio.create_task(launching.end(), name="end-of-dbos")
        self._stories.close()
        self._later.close()
        self._stories.cut_off()
        self._lost()

    async def _recover_leftovers(self) -> None:
        """What an executor took after it was replaced, and before it noticed."""
        while True:
            await asyncio.sleep(self._rhythm.leftovers)
            try:
                if self._membership.leads:
                    await self._leftovers.recover()
            except (SQLAlchemyError, StoreError) as error:
                _log.warning("leftovers.not_recovered", reason=type(error).__name__)

    async def _adopt(self, of: str) -> int:
        waiting = await _run_in_thread(lambda: self._jobs.adopt(of=of, executor=self._executor_id))
        for taken in waiting:
            # It may have been begun a moment before the end, and not been noted.
            self._put(taken, is_new=False)
        return len(waiting)

    async def _recover(self, dead: str) -> None:
        """What a dead executor had begun goes to whichever is first, what waited there waits here."""
        begun = await run_in_thread(partial(recover_workflows, dead))
        restarted = await self._leftovers.restart_of(dead)
        waiting = await self._adopt(dead)
        await _run_in_thread(partial(self._gone, dead))
        _log.info("executor.recovered", executor=dead, begun=begun, restarted=restarted, waiting=waiting)

    async def _begin(self, beginning: _Beginning) -> None:
        """Hands an order to DBOS, which carries it out from then on."""
        assert self._workflow is not None  # noqa: S101 - start() has made it
        taken, nonce = beginning.taken, str(beginning.taken.document.get("submission_id", ""))
        if beginning.is_new:
            self._stories.expect(nonce)
        try:
            await self._membership.check()
            with SetWorkflowID(taken.identity):
                await DBOS.start_workflow_async(self._workflow, taken.document)
        except Exception:  # noqa: BLE001 - whatever it is, the order is written down and tried again
            self._stories.expect_no_more(nonce)
            self._places.leave(taken.identity)
            _log.exception("job.start_failed", invocation=taken.identity)
            self._later.schedule(lambda: self._begin_in_turn(beginning))
            return
        self._inbox.begun(taken.identity)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _run_in_thread(work: Callable[[], Any]) -> Any:
    """In a thread.

    :raises StoreError: where the database does not do it
    """
    try:
        return await run_in_thread(work)
    except SQLAlchemyError as error:
        raise StoreError(reason(error)) from None
