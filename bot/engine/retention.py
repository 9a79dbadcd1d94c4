"""Clears the database: neither DBOS nor anybody else forgets a story that has been told.

What an order was about and what its steps returned goes a while after it has ended. That there was such an order stays
for as long as anybody could send it again.
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
"""How long an order that has ended is known. GitHub redelivers for three days
(https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks)."""

BROKEN = "broken"
"""How a story ended that gave nobody an answer, where others tell a stage."""

FAILED = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
"""DBOS's words for it."""


class Retention:
    """One of the processes on a database does it.

    :param leads: whether this process is the one that does it
    :param period: seconds between two rounds
    """

    def __init__(self, invocations: JobStore, *, leads: Callable[[], bool], period: float) -> None:
        self._jobs = invocations
        self._leads = leads
        self._period = period

    async def keep(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(self._period)
            try:
                if self._leads():
                    await self.tidy()
            except Exception as error:  # noqa: BLE001 - the next round does what this one could not
                words = type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)
                _log.warning("retention.failed", reason=words)

    async def tidy(self) -> int:
        """One round.

        :returns: how many stories were cleared away
        """
        cleared = 0
        while ended := await DBOS.list_workflows_async(
            name=WORKFLOW, status=["SUCCESS", *FAILED], limit=BATCH, load_input=False, load_output=True
        ):
            stages = {each.workflow_id: str(each.output) if each.status == "SUCCESS" else BROKEN for each in ended}
            # Noted before they go: after a crash in between, they are only noted once more.
            await run_in_thread(partial(self._jobs.end, stages, at=datetime.now(UTC)))
            await DBOS.delete_workflows_async([*stages])
            cleared += len(ended)
            if len(ended) < BATCH:
                break
        await run_in_thread(partial(self._jobs.forget, before=datetime.now(UTC) - KNOWN_FOR))
        if cleared:
            _log.debug("retention.deleted", invocations=cleared)
        return cleared
