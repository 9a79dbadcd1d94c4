"""DBOS in this process: its launch and its end on the bot's own database, and what is used of it although not public.

DBOS is pinned, and `tests/engine/test_dbos_runtime.py` fails if a new version lacks any of the latter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from dbos import DBOS, _workflow_commands
from sqlalchemy.engine import Engine as Database

from bot.engine.tracing import Tracing
from bot.errors import UpstreamError
from bot.storage.database import is_shared

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

RECOVERY_POLLS = 3
"""How often DBOS polls its other tables for each time that it polls its internal queue."""

BACKGROUND_JOBS_INTERVAL = 3.0
"""Seconds between two polls for delayed workflows and for workflows past their deadline. The bot has neither, and by
default DBOS polls each second: three transactions each, more than everything else in an idle process. In between it
holds a transaction open, which its `BACKGROUND_JOB_LOCK_IDLE_TIMEOUT_MS` ends after five seconds, with the session."""

WorkflowBody = Callable[[dict[str, Any]], Awaitable[str]]
"""Executes a job's invocation, given as JSON, and returns the stage in which it ended."""


def migrate(database: Database) -> None:
    """Migrates DBOS's tables where several processes share them. Blocking.

    The launch does it too, but on the loop: a process would send no heartbeat meanwhile, and could lose its lease.
    """
    if is_shared(database):
        DBOS.migrate(database.url.render_as_string(hide_password=False))


def launch(
    database: Database, body: WorkflowBody, *, executor_id: str, polling: float, tracing: Tracing | None
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
    _poll_less(instance, polling=polling)
    # DBOS writes to standard error on its own; its lines belong in the bot's log.
    _dbos_log.handlers.clear()
    _dbos_log.addFilter(_is_unreported)
    _dbos_log.propagate = True
    if tracing is not None:
        tracing.begin()

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
    threads = ThreadPoolExecutor()
    # DBOS replaced the loop's default executor by its own and closes that, while others still need one.
    loop.set_default_executor(threads)
    with ThreadPoolExecutor(max_workers=1) as thread:
        await loop.run_in_executor(thread, partial(DBOS.destroy, destroy_registry=True))
    # A call of DBOS's that was on its way may have replaced it again.
    loop.set_default_executor(threads)


def recover_workflows(executor_id: str) -> int:
    """Puts the pending workflows of a dead executor into the queue from which all executors take. Blocking.

    DBOS does it for its own executor id at launch only; for others there is no public function: its `resume_workflow`
    does not check which executor has the workflow by now.

    :returns: the number of workflows
    """
    return len(DBOS._recover_pending_workflows([executor_id]))  # noqa: SLF001 - see above


def _poll_less(instance: DBOS, *, polling: float) -> None:
    """Reduces the database load of an idle process. Call it before the launch.

    Only recovered workflows arrive through DBOS's internal queue, and each poll of it costs two transactions.
    """
    instance._registry.get_internal_queue()._polling_interval_sec = RECOVERY_POLLS * polling  # noqa: SLF001
    _workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC = BACKGROUND_JOBS_INTERVAL  # noqa: SLF001


def _is_unreported(record: logging.LogRecord) -> bool:
    """False for errors that ended a workflow without a reply, and for workflows that the bot suspends: it logs both
    itself, without thirty lines of DBOS."""
    if str(record.msg).startswith("Asyncio task cancelled"):
        return False
    return record.exc_info is None or not isinstance(record.exc_info[1], UpstreamError)
