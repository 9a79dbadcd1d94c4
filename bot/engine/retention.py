"""Deletes old data: DBOS never deletes a finished workflow.

A command's content and its steps' results are deleted soon after it has ended. The fact that it was executed is kept
for as long as its delivery could arrive again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine.launching import WORKFLOW
from bot.store.jobs import JobStore
from bot.store.threads import run_in_thread

_log = log.get(__name__)

BATCH = 200

KNOWN_FOR = timedelta(days=30)
"""How long an ended command is remembered. GitHub redelivers for three days
(https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks)."""

BROKEN = "broken"
"""The stage recorded for a workflow that ended without a reply."""

FAILED = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
"""DBOS's statuses for failed workflows."""


class Retention:
    """Runs in every process on a database and works in one of them.

    :param leads: whether this process is that one
    :param period: seconds between two rounds
    """

    def __init__(self, jobs: JobStore, *, leads: Callable[[], bool], period: float) -> None:
        self._jobs = jobs
        self._leads = leads
        self._period = period

    async def keep(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await asyncio.sleep(self._period)
            try:
                if self._leads():
                    await self.tidy()
            except Exception as error:  # noqa: BLE001 - the next round makes up for it
                words = type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)
                _log.warning("retention.failed", reason=words)

    async def tidy(self) -> int:
        """One round.

        :returns: the number of workflows deleted
        """
        cleared = 0
        while ended := await DBOS.list_workflows_async(
            name=WORKFLOW, status=["SUCCESS", *FAILED], limit=BATCH, load_input=False, load_output=True
        ):
            stages = {each.workflow_id: str(each.output) if each.status == "SUCCESS" else BROKEN for each in ended}
            # Recorded before they are deleted: after a crash in between, they are only recorded once more.
            await run_in_thread(partial(self._jobs.end, stages, at=datetime.now(UTC)))
            await DBOS.delete_workflows_async([*stages])
            cleared += len(ended)
            if len(ended) < BATCH:
                break
        await run_in_thread(partial(self._jobs.forget, before=datetime.now(UTC) - KNOWN_FOR))
        if cleared:
            _log.debug("retention.deleted", invocations=cleared)
        return cleared
