"""Deletes old data: DBOS never deletes a finished workflow.

A command's content and its steps' results are deleted soon after it has ended. Its identity is stored for
as long as its delivery could arrive again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from dbos import DBOS

from bot import log
from bot.engine.dbos_runtime import WORKFLOW
from bot.storage.jobs import JobStore
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

BATCH = 200

RETENTION = timedelta(days=30)
"""How long an ended command is remembered. GitHub redelivers for three days
(https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks)."""

BROKEN = "broken"
"""The stage recorded for a workflow that ended without a reply."""

FAILED = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
"""DBOS's statuses for failed workflows."""


async def delete_old(jobs: JobStore) -> int:
    """Deletes what is not needed any more.

    :returns: the number of workflows deleted
    """
    count = 0
    while ended := await DBOS.list_workflows_async(
        name=WORKFLOW, status=["SUCCESS", *FAILED], limit=BATCH, load_input=False, load_output=True
    ):
        stages = {each.workflow_id: str(each.output) if each.status == "SUCCESS" else BROKEN for each in ended}
        # Recorded before they are deleted: after a crash in between, they are only recorded once more.
        await run_in_thread(partial(jobs.end, stages, at=datetime.now(UTC)))
        await DBOS.delete_workflows_async([*stages])
        count += len(ended)
        if len(ended) < BATCH:
            break
    await run_in_thread(partial(jobs.forget, before=datetime.now(UTC) - RETENTION))
    if count:
        _log.debug("retention.deleted", invocations=count)
    return count
