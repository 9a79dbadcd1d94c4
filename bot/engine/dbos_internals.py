"""The parts of DBOS that the engine uses although they are not public.

DBOS is pinned, and `tests/engine/test_dbos_internals.py` fails if a new version lacks any of them.
"""

from __future__ import annotations

from dbos import DBOS, _workflow_commands

RECOVERY_POLLS = 3
"""How often DBOS polls its other tables for each time that it polls its internal queue."""

BACKGROUND_JOBS_INTERVAL = 3.0
"""Seconds between two polls for delayed workflows and for workflows past their deadline. The bot has neither, and by
default DBOS polls each second: three transactions each, more than everything else in an idle process. In between it
holds a transaction open, which its `BACKGROUND_JOB_LOCK_IDLE_TIMEOUT_MS` ends after five seconds, with the session."""


def poll_less(instance: DBOS, *, polling: float) -> None:
    """Reduces the database load of an idle process. Call it before the launch.

    Only recovered workflows arrive through DBOS's internal queue, and each poll of it costs two transactions.

    :param polling: seconds between DBOS's polls of its other tables
    """
    instance._registry.get_internal_queue()._polling_interval_sec = RECOVERY_POLLS * polling  # noqa: SLF001
    _workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC = BACKGROUND_JOBS_INTERVAL  # noqa: SLF001


def recover_workflows(executor_id: str) -> int:
    """Puts the pending workflows of a dead executor into the queue from which all executors take. Blocking.

    DBOS does it for its own executor id at launch only; for others there is no public function: its `resume_workflow`
    does not check which executor has the workflow by now.

    :returns: the number of workflows
    """
    return len(DBOS._recover_pending_workflows([executor_id]))  # noqa: SLF001
