"""What the engine takes of DBOS that DBOS does not promise."""

from __future__ import annotations

import inspect

from dbos import DBOS
from dbos._dbos import _get_dbos_instance
from sqlalchemy.engine import Engine

from bot.engine import launching
from bot.engine.launching import RECOVERY_POLLS

pytest_plugins = ["tests.databases"]


def test_dbos_recovers_the_workflows_of_other_executors() -> None:
    """Private, so a new version may rename it: the failover of several processes rests on it."""
    recover = inspect.signature(DBOS._recover_pending_workflows)  # noqa: SLF001 - the point of the test
    assert [*recover.parameters] == ["executor_ids"]


async def test_dbos_polls_its_internal_queue_less_often(database: Engine) -> None:
    """Private, so a new version may rename it: what an idle process costs the database rests on it."""

    async def nothing(_document: dict[str, object]) -> str:
        return ""

    launching.launch(database, nothing, executor_id="test", polling=0.5, traces=None)
    try:
        queue = _get_dbos_instance()._registry.get_internal_queue()  # noqa: SLF001 - the point of the test
        assert queue._polling_interval_sec == RECOVERY_POLLS * 0.5  # noqa: SLF001 - the point of the test
    finally:
        await launching.end()
