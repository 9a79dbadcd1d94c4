"""The engine: takes orders and carries them out."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from dbos import DBOS, SetWorkflowID
from sqlalchemy.engine import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine.housekeeping import BROKEN, FAILED, Housekeeping
from bot.engine.inbox import Inbox, reason
from bot.engine.places import Places
from bot.engine.takeover import GRACE, Takeover
from bot.errors import StoreError, UpstreamError
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.record import no_memory
from bot.handlers.tools import Tools
from bot.replies.markers import Stage
from bot.replies.reply import Reply
from bot.store.in_thread import in_thread
from bot.store.locks import Locks
from bot.store.orders import Executors, Orders, Queue, State, Taken

_log = log.get(__name__)
_dbos_log = logging.getLogger("dbos")

WORKFLOW = "order"

STORY_VERSION = "1"
"""What DBOS calls the application's version. Work in flight is resumed only under the version it was begun with, so
this changes only when a story's steps change so much that old stories cannot be told on."""

THREADS = {"sqlite": 4, "postgresql": 16}
"""Of DBOS. SQLite has one writer: more threads only wait for each other."""

MOST_RECOVERIES = 10_000
"""How often a story may be cut off before it is given up. A run may last for hours, and a process that does not come up
properly is restarted every few seconds."""

BEGIN_DELAY = 5.0
"""Seconds until an order that could not be handed to DBOS, or was cut off by the database, is tried again."""

STOP_PATIENCE = 10.0
"""Seconds that stories have to end when they are cut off; only a database that does not answer takes them."""

CarryOut = Callable[[Order, Do], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often the engine looks, in seconds.

    :param polling: between DBOS's looks at its tables; stopping takes as long
    :param takeover: between two looks at the other processes
    :param grace: for which a process must be gone before its work is taken over
    :param housekeeping: between two clearings of the database
    :param drain: for which stories that are not waiting for others may go on after they were told to stop
    """

    polling: float = 1.0
    takeover: float = 1.0
    grace: float = GRACE
    housekeeping: float = 60.0
    drain: float = 5.0


@dataclass(eq=False, slots=True)
class _Story:
    """One order that is being carried out here.

    :param rests: whether it waits for others
    """

    task: asyncio.Task[Any]
    rests: bool = False


@dataclass(frozen=True, slots=True)
class _Beginning:
    """:param is_new: False where the order was told before, so that whatever it sent has to be looked for"""

    taken: Taken
    is_new: bool


def _is_news(record: logging.LogRecord) -> bool:
    """What ended a story without an answer is told in the bot's own words, without thirty lines of DBOS's calls."""
    return record.exc_info is None or not isinstance(record.exc_info[1], UpstreamError)


class Engine:
    """DBOS on the bot's own database. One at a time in a process: DBOS keeps its state there.

    :param database: owned by the caller, its tables brought up
    :param locks: of the same database
    :param executor_id: the name of this process among those on one database, whose lock it holds (`claim_name`)
    :param carry_out: what is done with an order
    :param heard: is told how each order ended; None: with a failure that could not be told anybody
    :param gone: hears the name of a process whose work was taken over
    :param lost: is called where the work here is not this process' any more: it has to end
    """

    def __init__(
        self,
        database: Database,
        locks: Locks,
        *,
        executor_id: str,
        tools: Tools,
        carry_out: CarryOut,
        heard: Callable[[Order, Stage | None], None] = lambda _order, _stage: None,
        gone: Callable[[str], None] = lambda _executor: None,
        lost: Callable[[], None] = lambda: None,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._database = database
        self._locks = locks
        self._executor_id = executor_id
        self._tools = tools
        self._carry_out = carry_out
        self._heard = heard
        self._gone = gone
        self._lost = lost
        self._rhythm = rhythm or Rhythm()
        self._orders = Orders(database)
        self._executors = Executors(database)
        self._inbox: Inbox | None = None
        self._places = Places(self._begin)
        self._begun_here: set[str] = set()
        self._workflows: set[asyncio.Task[Any]] = set()
        self._stories: dict[str, _Story] = {}
        self._watching: list[asyncio.Task[None]] = []
        self._delayed: set[asyncio.TimerHandle] = set()
        self._resuming: set[asyncio.Task[None]] = set()
        self._workflow: Callable[[dict[str, Any]], Any] | None = None
        self._story_moved = asyncio.Event()
        self._stopping = False

    async def start(self) -> None:
        """Opens the engine and goes on with what a crash left. Call it on the loop that is to do the work."""
        await in_thread(partial(self._executors.add, self._executor_id))
        self._inbox = Inbox(self._orders, executor=self._executor_id, taken=self._put, now=lambda: datetime.now(UTC))
        self._inbox.start()
        self._launch()
        await self._adopt(self._executor_id)
        takeover = Takeover(
            self._locks,
            self._executors,
            me=self._executor_id,
            take_over=self._take_over,
            lost=self._be_lost,
            period=self._rhythm.takeover,
            grace=self._rhythm.grace,
        )
        housekeeping = Housekeeping(self._orders, self._locks, period=self._rhythm.housekeeping)
        self._watching = [
            asyncio.create_task(takeover.watch(), name="takeover"),
            asyncio.create_task(housekeeping.keep(), name="housekeeping"),
        ]
        _log.info("engine.started", executor=self._executor_id)

    def _launch(self) -> None:
        DBOS(
            config={
                "name": "codegen-bot",
                "system_database_engine": self._database,
                "system_database_url": self._database.url.render_as_string(hide_password=False),
                "application_version": STORY_VERSION,
                "executor_id": self._executor_id,
                "max_executor_threads": THREADS[self._database.dialect.name],
                "notification_listener_polling_interval_sec": self._rhythm.polling,
                "enable_otlp": False,
                "log_level": "WARNING",
            }
        )
        # DBOS writes to the standard error by itself; its lines belong among the bot's own.
        _dbos_log.handlers.clear()
        _dbos_log.addFilter(_is_news)
        _dbos_log.propagate = True

        async def order(document: dict[str, Any]) -> str:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a workflow runs in one
            self._workflows.add(task)
            task.add_done_callback(self._workflows.discard)
            if self._stopping:
                # DBOS takes this for no outcome: the story stays pending.
                raise asyncio.CancelledError
            return await self._tell(document, _Story(task))

        self._workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=MOST_RECOVERIES)(order)
        # On the loop, although it blocks while it migrates the database: the loop that launches is where DBOS goes on
        # with old stories, and they need the clients that live here.
        DBOS.launch()

    async def submit(self, order: Order) -> bool:
        """Takes an order: when this returns, the order survives a crash. One that was taken before is left alone,
        unless it ended without an answer.

        :returns: False where it is left alone
        :raises StoreError: where the database does not take it
        """
        assert self._inbox is not None, "start() comes first"  # noqa: S101 - a fault of ours
        told = structlog.contextvars.get_contextvars()
        document = {
            **order.to_json(),
            # Only an order that the database did not know yet comes back with this word.
            "nonce": uuid.uuid4().hex,
            "told_by": {key: told[key] for key in ("delivery", "event_name") if key in told},
        }
        taken = Taken(order.identity, document)
        return await self._inbox.take(taken) or await self._again(taken)

    def _put(self, taken: Taken, *, is_new: bool = True) -> None:
        self._places.put(taken.identity, _Beginning(taken, is_new=is_new))

    async def _again(self, taken: Taken) -> bool:
        """A known order comes once more. One whose story broke before anybody got an answer is told anew."""
        found = await self._aside(lambda: self._orders.find(taken.identity))
        broken = found is not None and found[0] is State.ENDED and found[1] == BROKEN
        if found is not None and found[0] is not State.ENDED:
            # That it was begun may not be noted yet.
            status = await DBOS.get_workflow_status_async(taken.identity)
            broken = status is not None and status.status in FAILED
        if not broken:
            return False
        await DBOS.delete_workflow_async(taken.identity)
        await self._aside(lambda: self._orders.again(taken, executor=self._executor_id, at=datetime.now(UTC)))
        _log.info("order.again", order=taken.identity)
        self._put(taken, is_new=False)
        return True

    async def queue(self) -> Queue:
        """The orders that wait, of all processes on the database."""
        found: Queue = await self._aside(self._orders.queue)
        return found

    async def check(self) -> None:
        """:raises StoreError: where orders would not be taken: the database is closed to writing, or the engine ends"""
        if self._stopping or any(task.done() for task in self._watching):
            raise StoreError("the engine is being stopped")
        await self._aside(lambda: self._executors.touch(self._executor_id))

    @property
    def at_work(self) -> int:
        """How many stories are under way here."""
        return len(self._stories)

    async def stop(self) -> None:
        """Ends what runs, within the rhythm's `drain` and a moment; what is cut off is told on at the next start, or by
        another process."""
        self._stopping = True
        for timer in self._delayed:
            timer.cancel()
        for watching in self._watching:
            watching.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self._places.aclose()
        await asyncio.gather(*self._resuming, return_exceptions=True)
        await self._drain()
        # DBOS takes a cancellation as no outcome: the story stays pending in the database. It warns of it all the same.
        _dbos_log.setLevel(logging.ERROR)
        for story in self._stories.values():
            story.task.cancel()
        # A story that has been told is still being written down by its task: it is waited for, and not told again.
        if self._workflows:
            await asyncio.wait(self._workflows, timeout=STOP_PATIENCE)
        if self._inbox is not None:
            await self._inbox.aclose()
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1) as aside:
            await loop.run_in_executor(aside, partial(DBOS.destroy, destroy_registry=True))
        # DBOS made its own executor the loop's and has just closed it.
        loop.set_default_executor(ThreadPoolExecutor())

    async def _drain(self) -> None:
        """Lets those come to their end or to a rest that are in the middle of something."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._rhythm.drain):
                while any(not story.rests for story in self._stories.values()):
                    self._story_moved.clear()
                    await self._story_moved.wait()

    def _be_lost(self) -> None:
        """Another process has our name, and our stories with it: they must not go on here."""
        self._stopping = True
        for story in self._stories.values():
            story.task.cancel()
        self._lost()

    async def _adopt(self, of: str) -> int:
        waiting = await self._aside(lambda: self._orders.adopt(of=of, executor=self._executor_id))
        for taken in waiting:
            # It may have been begun a moment before the end, and not been noted.
            self._put(taken, is_new=False)
        return len(waiting)

    async def _take_over(self, gone: str) -> None:
        """What was begun there goes to whoever of the living is first, what waited there waits here."""
        recover = partial(DBOS._recover_pending_workflows, [gone])  # noqa: SLF001 - the only way to it
        handles = await in_thread(recover)
        waiting = await self._adopt(gone)
        await self._aside(partial(self._gone, gone))
        _log.info("executor.taken-over", executor=gone, begun=len(handles), waiting=waiting)

    async def _begin(self, beginning: _Beginning) -> None:
        """Hands an order to DBOS, which carries it out from then on."""
        assert self._workflow is not None  # noqa: S101 - start() has made it
        taken, nonce = beginning.taken, str(beginning.taken.document.get("nonce", ""))
        if beginning.is_new:
            self._begun_here.add(nonce)
        try:
            with SetWorkflowID(taken.identity):
                await DBOS.start_workflow_async(self._workflow, taken.document)
        except Exception:  # noqa: BLE001 - whatever it is, the order is written down and tried again
            self._begun_here.discard(nonce)
            self._places.leave(taken.identity)
            _log.exception("order.not-begun", order=taken.identity)
            self._later(lambda: self._places.put(taken.identity, beginning))
            return
        self._inbox_begun(taken.identity)

    def _inbox_begun(self, identity: str) -> None:
        assert self._inbox is not None  # noqa: S101 - start() has made it
        self._inbox.begun(identity)

    def _later(self, work: Callable[[], None]) -> None:
        def run() -> None:
            self._delayed.discard(timer)
            work()

        if self._stopping:
            return
        timer = asyncio.get_running_loop().call_later(BEGIN_DELAY, run)
        self._delayed.add(timer)

    async def _tell(self, document: dict[str, Any], story: _Story) -> str:
        """The durable story of one order."""
        order = Order.from_json(document)
        # Begun by this process just now, or left by one that died: then whatever it sent is looked for first.
        again = document.get("nonce") not in self._begun_here
        self._begun_here.discard(document.get("nonce", ""))
        self._stories[order.identity] = story
        if again:
            self._inbox_begun(order.identity)
        try:
            with log.story(**order.log_values(), **document.get("told_by", {})):
                reply = await self._carried_out(order, story, again=again)
        finally:
            self._stories.pop(order.identity, None)
            self._story_moved.set()
            self._places.leave(order.identity)
        self._heard(order, reply.stage)
        return reply.stage.value

    async def _carried_out(self, order: Order, story: _Story, *, again: bool) -> Reply:
        _log.info("command.resumed" if again else "command.taken")
        try:
            return await self._carry_out(order, Do(order, self._tools, self._memory_of(story, order), again=again))
        except UpstreamError as error:
            _log.error("command.unanswered", reason=str(error))
            self._heard(order, None)
            raise

    def _memory_of(self, story: _Story, order: Order) -> Callable[..., Coroutine[Any, Any, dict[str, Any]]]:
        """Calls recorded as DBOS steps: what `bot.handlers.record.Memory` asks for.

        Where there is nothing to do twice but the reply, which is found again by its marker, nothing is recorded: each
        step costs milliseconds, and the story can as well be told from its start.
        """
        if order.only_shows:
            return no_memory

        async def steps(name: str, work: Callable[[], Awaitable[dict[str, Any]]], *, rests: bool) -> dict[str, Any]:
            async def step() -> dict[str, Any]:
                return await work()

            if rests:
                story.rests = True
                self._story_moved.set()
                self._places.leave(order.identity)
            try:
                return await DBOS.run_step_async({"name": name}, step)
            except SQLAlchemyError as error:
                _log.error("story.not-written-down", step=name, reason=reason(error))
                self._later(partial(self._resume_soon, order.identity))
                # DBOS takes this for no outcome: neither is it one that what was done could not be written down.
                raise asyncio.CancelledError from None
            finally:
                story.rests = False

        return steps

    def _resume_soon(self, identity: str) -> None:
        task = asyncio.create_task(self._resume(identity), name="resume", context=contextvars.Context())
        self._resuming.add(task)
        task.add_done_callback(self._resuming.discard)

    async def _resume(self, identity: str) -> None:
        """Lets a story be told on that the database cut off, as if this process had been killed and come back."""
        try:
            await DBOS.resume_workflow_async(identity)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            words = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
            _log.warning("story.not-resumed", order=identity, reason=words)
            self._later(partial(self._resume_soon, identity))

    async def _aside(self, work: Callable[[], Any]) -> Any:
        """In a thread.

        :raises StoreError: where the database does not do it
        """
        try:
            return await in_thread(work)
        except SQLAlchemyError as error:
            raise StoreError(reason(error)) from None
