"""Launches and destroys DBOS in this process, on the bot's own database."""

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
from bot.store.locks import is_shared

_dbos_log = logging.getLogger("dbos")

WORKFLOW = "command"

VERSION = "1"
"""What DBOS calls the application's version. A workflow is resumed only under the version that it was started with, so
this changes only when a workflow's steps change so much that old workflows cannot be resumed."""

THREADS = {"sqlite": 4, "postgresql": 16}
"""Thread count of DBOS. SQLite has one writer: more threads would only wait for each other."""

MOST_RECOVERIES = 10_000
"""How often a workflow may be interrupted before DBOS gives it up. A run may last for hours, and a process that fails
to start is restarted every few seconds."""

WorkflowBody = Callable[[dict[str, Any]], Awaitable[str]]
"""Executes a job's invocation, given as JSON, and returns the stage in which it ended."""


def migrate(database: Database) -> None:
    """Migrates DBOS's tables where several processes share them. Blocking.

    The launch does it too, but on the loop: a process would send no heartbeat meanwhile, and could lose its lease.
    """
    if is_shared(database):
        DBOS.migrate(database.url.render_as_string(hide_password=False))


def launch(
    database: Database, body: WorkflowBody, *, executor_id: str, polling: float, traces: Traces | None
) -> Callable[[dict[str, Any]], Any]:
    """Call it on the event loop that does the work: workflows left by a crash resume at once.

    :param body: of each workflow
    :param polling: seconds between DBOS's polls of its tables
    :returns: the workflow function, to be started with a job's document
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
    # DBOS writes to standard error on its own; its lines belong in the bot's log.
    _dbos_log.handlers.clear()
    _dbos_log.addFilter(_is_news)
    _dbos_log.propagate = True
    if traces is not None:
        traces.begin()

    async def invocation(document: dict[str, Any]) -> str:
        return await body(document)

    workflow: Callable[[dict[str, Any]], Any]
    workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=MOST_RECOVERIES)(invocation)
    # On the event loop, although it blocks while it migrates the database: DBOS resumes old workflows on the loop that
    # launches it, and they need the clients that live here.
    DBOS.launch()
    return workflow


def expect_cancellations() -> None:
    """Silences DBOS's warning at a cancellation, which it does not count as an outcome: the workflow stays pending."""
    _dbos_log.setLevel(logging.ERROR)


async def end() -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1) as aside:
        await loop.run_in_executor(aside, partial(DBOS.destroy, destroy_registry=True))
    # DBOS replaced the loop's default executor by its own and has just closed that.
    loop.set_default_executor(ThreadPoolExecutor())


def _is_news(record: logging.LogRecord) -> bool:
    """False for errors that ended a workflow without a reply: the bot logs them itself, without thirty lines of
    DBOS."""
    return record.exc_info is None or not isinstance(record.exc_info[1], UpstreamError)
