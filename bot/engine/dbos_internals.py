"""What the engine uses of DBOS that DBOS does not promise.

Its version is pinned, and `tests/engine/test_dbos_internals.py` fails where a new one lacks any of it.
"""

from __future__ import annotations

from dbos import DBOS, _workflow_commands

RECOVERY_POLLS = 3
"""Looks of DBOS at its other tables for one at its internal queue."""

BACKGROUND_JOBS_INTERVAL = 3.0
"""Seconds between two looks for delayed workflows and for workflows past their deadline. The bot has neither, and by
itself DBOS looks each second: three transactions each, more than all else of an idle process. In between it holds a
transaction open, which its `BACKGROUND_JOB_LOCK_IDLE_TIMEOUT_MS` ends after five seconds, together with the session."""


def poll_less(instance: DBOS, *, polling: float) -> None:
    """Makes an idle process cost the database less. Call it before the launch.

    Only recovered workflows come by DBOS's internal queue, and each look at it costs two transactions.

    :param polling: seconds between DBOS's looks at its other tables
    """
    instance._registry.get_internal_queue()._polling_interval_sec = RECOVERY_POLLS * polling  # noqa: SLF001
    _workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC = BACKGROUND_JOBS_INTERVAL  # noqa: SLF001


def recover_workflows(executor_id: str) -> int:
    """Puts the pending workflows of a dead executor into the queue from which all executors take. Blocking.

    DBOS does it for its own executor id at launch only; for others there is a private name and no public one: its
    `resume_workflow` does not check who has the workflow by now.

    :returns: how many
    """
    return len(DBOS._recover_pending_workflows([executor_id]))  # noqa: SLF001
