"""What the engine uses of DBOS that DBOS does not promise: a new version may rename it."""

from __future__ import annotations

import asyncio
import inspect
import threading

from dbos import DBOS, _workflow_commands
from dbos._dbos import _get_dbos_instance
from dbos._sys_db_postgres import BACKGROUND_JOB_LOCK_IDLE_TIMEOUT_MS
from sqlalchemy.engine import Engine

from bot.engine import dbos_runtime
from bot.engine.dbos_runtime import RECOVERY_POLLS


def test_dbos_recovers_the_workflows_of_other_executors() -> None:
    """The failover of several processes rests on it."""
    recover = inspect.signature(DBOS._recover_pending_workflows)  # noqa: SLF001 - the point of the test
    assert [*recover.parameters] == ["executor_ids"]


async def test_dbos_polls_its_internal_queue_less_often(database: Engine) -> None:
    """What an idle process costs the database rests on it."""

    async def nothing(_document: dict[str, object]) -> str:
        return ""

    dbos_runtime.launch(database, nothing, executor_id="test", polling=0.5, tracing=None)
    try:
        queue = _get_dbos_instance()._registry.get_internal_queue()  # noqa: SLF001 - the point of the test
        assert queue._polling_interval_sec == RECOVERY_POLLS * 0.5  # noqa: SLF001 - the point of the test
    finally:
        await dbos_runtime.end()


async def test_threads_work_while_dbos_ends(database: Engine) -> None:
    """The poller, the heartbeat and requests still read and write the database meanwhile."""

    async def nothing(_document: dict[str, object]) -> str:
        return ""

    dbos_runtime.launch(database, nothing, executor_id="test", polling=0.5, tracing=None)
    await DBOS.list_workflows_async(limit=1)
    assert "dbos" in (await asyncio.to_thread(threading.current_thread)).name
    ending = asyncio.create_task(dbos_runtime.end())
    await asyncio.sleep(0)
    assert "dbos" not in (await asyncio.to_thread(threading.current_thread)).name
    await ending


def test_dbos_takes_the_interval_of_its_background_jobs() -> None:
    """What an idle process costs the database rests on it."""
    assert "_BACKGROUND_JOBS_INTERVAL_SEC" in inspect.getsource(_workflow_commands.background_jobs_thread)
    assert isinstance(_workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC, float)  # noqa: SLF001 - the point of the test
    assert dbos_runtime.BACKGROUND_JOBS_INTERVAL * 1000 < BACKGROUND_JOB_LOCK_IDLE_TIMEOUT_MS
