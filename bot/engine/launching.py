"""DBOS in this process: brought up on the bot's own database, and ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from dbos import DBOS
from sqlalchemy.engine import Engine as Database

from bot.engine.dbos_internals import poll_less
from bot.engine.traces import Traces
from bot.errors import UpstreamError

_dbos_log = logging.getLogger("dbos")

WORKFLOW = "command"

VERSION = "1"
"""What DBOS calls the application's version. Work in flight is resumed only under the version it was begun with, so
this changes only when a story's steps change so much that old stories cannot be told on."""

THREADS = {"sqlite": 4, "postgresql": 16}
"""Of DBOS. SQLite has one writer: more threads only wait for each other."""

MOST_RECOVERIES = 10_000
"""How often a story may be cut off before it is given up. A run may last for hours, and a process that does not come up
properly is restarted every few seconds."""

Tell = Callable[[dict[str, Any]], Awaitable[str]]
"""Carries an order out that is given as JSON, and returns how it ended."""


def migrate(database: Database) -> None:
    """Migrates DBOS's tables where several processes share them. Blocking.

    The launch does it too, but on the loop: a process would send no heartbeat meanwhile, and could lose its lease.
    """
    if database.dialect.name == "postgresql":
        DBOS.migrate(database.url.render_as_string(hide_password=False))


def launch(
    database: Database, tell: Tell, *, executor_id: str, polling: float, traces: Traces | None
) -> Callable[[dict[str, Any]], Any]:
    """Call it on the loop that is to do the work: it goes on at once with what a crash left.

    :param tell: what an order's story is
    :param polling: seconds between DBOS's looks at its tables
    :returns: the workflow, which is started with an order
    """
    instance = DBOS(
        config={
            "name": "codegen-bot",
            "system_database_engine": database,
            "system_database_url": database.url.render_as_string(hide_password=False),
            "application_version": VERSION,
            "executor_id": executor_id,
            "max_executor_threads": THREADS[database.dialect.name],
            "notification_listener_polling_interval_sec": polling,
            "enable_otlp": False,
            "log_level": "WARNING",
        }
    )
    poll_less(instance, polling=polling)
    # DBOS writes to the standard error by itself; its lines belong among the bot's own.
    _dbos_log.handlers.clear()
    _dbos_log.addFilter(_is_news)
    _dbos_log.propagate = True
    if traces is not None:
        traces.begin()

    async def invocation(document: dict[str, Any]) -> str:
        return await tell(document)

    workflow: Callable[[dict[str, Any]], Any]
    workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=MOST_RECOVERIES)(invocation)
    # On the loop, although it blocks while it migrates the database: the loop that launches is where DBOS goes on
    # with old stories, and they need the clients that live here.
    DBOS.launch()
    return workflow


def expect_cancellations() -> None:
    """DBOS takes a cancellation as no outcome: the story stays pending in the database. It warns of it all the same."""
    _dbos_log.setLevel(logging.ERROR)


async def end() -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1) as aside:
        await loop.run_in_executor(aside, partial(DBOS.destroy, destroy_registry=True))
    # DBOS made its own executor the loop's and has just closed it.
    loop.set_default_executor(ThreadPoolExecutor())


def _is_news(record: logging.LogRecord) -> bool:
    """What ended a story without an answer is told in the bot's own words, without thirty lines of DBOS's calls."""
    return record.exc_info is None or not isinstance(record.exc_info[1], UpstreamError)
