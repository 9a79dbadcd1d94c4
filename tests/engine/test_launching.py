"""What the engine takes of DBOS that DBOS does not promise."""

from __future__ import annotations

import inspect

from dbos import DBOS


def test_dbos_recovers_the_workflows_of_other_executors() -> None:
    """Private, so a new version may rename it: the failover of several processes rests on it."""
    recover = inspect.signature(DBOS._recover_pending_workflows)  # noqa: SLF001 - the point of the test
    assert [*recover.parameters] == ["executor_ids"]
