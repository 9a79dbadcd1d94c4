"""The engine: takes orders and carries them out."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog
from dbos import DBOS, SetWorkflowID
from sqlalchemy.engine import Engine as Database

from bot import log
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.tools import Tools
from bot.replies.markers import Stage
from bot.replies.reply import Reply

_log = log.get(__name__)
_dbos_log = logging.getLogger("dbos")

WORKFLOW = "order"

STORY_VERSION = "1"
"""What DBOS calls the application's version. Work in flight is resumed only under the version it was begun with, so
this changes only when a story's steps change so much that old stories cannot be told on."""

EXECUTOR_THREADS = 4
"""For SQLite, which has one writer: more threads only wait for each other."""

REMEMBERED_ORDERS = 10_000
"""Identities kept in memory, so that a redelivery costs no look into the database. The database knows them all."""

CarryOut = Callable[[Order, Do], Awaitable[Reply]]


class Engine:
    """DBOS on the bot's own database. One at a time in a process: DBOS keeps its state there.

    :param database: owned by the caller
    :param executor_id: unique among the processes on one database, and the same after a restart
    :param carry_out: what is done with an order
    :param heard: is told how each order ended
    :param polling_interval: seconds between DBOS's looks at its tables; stopping takes as long
    """

    def __init__(
        self,
        database: Database,
        *,
        executor_id: str,
        tools: Tools,
        carry_out: CarryOut,
        heard: Callable[[Order, Stage], None] = lambda _order, _stage: None,
        polling_interval: float = 1.0,
    ) -> None:
        self._database = database
        self._executor_id = executor_id
        self._tools = tools
        self._carry_out = carry_out
        self._heard = heard
        self._polling_interval = polling_interval
        self._taken: dict[str, asyncio.Event] = {}
        self._begun_here: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._telling: set[asyncio.Task[Any]] = set()
        self._writing: set[asyncio.Task[None]] = set()
        self._workflow: Callable[[dict[str, Any]], Any] | None = None

    def start(self) -> None:
        """Opens the engine and goes on with what a crash left. Call it on the loop that is to do the work."""
        DBOS(
            config={
                "name": "codegen-bot",
                "system_database_engine": self._database,
                "system_database_url": self._database.url.render_as_string(hide_password=False),
                "application_version": STORY_VERSION,
                "executor_id": self._executor_id,
                "max_executor_threads": EXECUTOR_THREADS,
                "notification_listener_polling_interval_sec": self._polling_interval,
                "enable_otlp": False,
                "log_level": "WARNING",
            }
        )
        # DBOS writes to the standard error by itself; its lines belong among the bot's own.
        _dbos_log.handlers.clear()
        _dbos_log.propagate = True

        async def order(document: dict[str, Any]) -> str:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a workflow runs in one
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._telling.add(task)
            try:
                return await self._tell(document)
            finally:
                self._telling.discard(task)

        self._workflow = DBOS.workflow(name=WORKFLOW)(order)
        # On the loop, although it blocks while it migrates the database: the loop that launches is where DBOS goes on
        # with old stories, and they need the clients that live here.
        DBOS.launch()

    async def submit(self, order: Order) -> bool:
        """Takes an order: when this returns, the order survives a crash. One that was taken before is left alone.

        :returns: False where this process has taken it before
        """
        assert self._workflow is not None, "start() comes first"  # noqa: S101 - a fault of ours
        while (written := self._taken.get(order.identity)) is not None:
            # The other delivery may still fail to be written down: then this one is the first.
            await written.wait()
            if order.identity in self._taken:
                return False
        self._taken[order.identity] = asyncio.Event()
        writing = asyncio.create_task(self._write_down(order))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        # Once begun it is finished, whoever stops waiting for it: half an order would be there and not be carried out.
        await asyncio.shield(writing)
        return True

    async def _write_down(self, order: Order) -> None:
        assert self._workflow is not None  # noqa: S101 - submit() has looked
        # Only an order that the database did not know yet comes back with this word: one that it knew keeps its first.
        nonce = uuid.uuid4().hex
        self._begun_here.add(nonce)
        written = self._taken[order.identity]
        try:
            with SetWorkflowID(order.identity):
                await DBOS.start_workflow_async(self._workflow, {**order.to_json(), "nonce": nonce})
        except BaseException:
            self._taken.pop(order.identity, None)
            self._begun_here.discard(nonce)
            raise
        finally:
            written.set()
        if len(self._taken) > REMEMBERED_ORDERS:
            del self._taken[next(iter(self._taken))]

    async def stop(self) -> None:
        """Ends what runs; stories that are cut off are told on at the next start."""
        await asyncio.gather(*self._writing, return_exceptions=True)
        # DBOS takes a cancellation as no outcome: the story stays pending in the database. It warns of it all the same.
        _dbos_log.setLevel(logging.ERROR)
        for task in self._telling:
            task.cancel()
        # A story that has been told is still being written down by its task: it is waited for, and not told again.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1) as aside:
            await loop.run_in_executor(aside, partial(DBOS.destroy, destroy_registry=True))
        # DBOS made its own executor the loop's and has just closed it.
        loop.set_default_executor(ThreadPoolExecutor())

    async def _tell(self, document: dict[str, Any]) -> str:
        """The durable story of one order."""
        order = Order.from_json(document)
        # Begun by this process just now, or left by one that died: then whatever it sent is looked for first.
        again = document.get("nonce") not in self._begun_here
        self._begun_here.discard(document.get("nonce", ""))
        with structlog.contextvars.bound_contextvars(
            order=order.identity,
            command=order.name,
            thread=f"{order.thread.repository}#{order.thread.number}" if order.thread else None,
            login=order.person.login,
        ):
            _log.info("command.resumed" if again else "command.taken")
            reply = await self._carry_out(order, Do(order, self._tools, _steps, again=again))
        self._heard(order, reply.stage)
        return reply.stage.value


async def _steps(name: str, work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Calls recorded as DBOS steps: what `bot.handlers.record.Memory` asks for."""

    async def step() -> dict[str, Any]:
        return await work()

    return await DBOS.run_step_async({"name": name}, step)
