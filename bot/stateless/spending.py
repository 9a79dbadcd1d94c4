"""How many agent runs were asked for today, counted from the marks in the runs' metadata.

Runs that carry no mark are not counted: those of `setup-commands` and of a sandbox's analysis. Two jobs at the same
moment may both take the last run of a budget: nothing here can lock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bot.codegen.client import MARK, Codegen
from bot.codegen.models import AgentRun
from bot.store.models import Budget, Limits, Over


class MarkedSpending:
    """`bot.handlers.ports.Spending`. A day is a UTC day."""

    def __init__(self, codegen: Codegen) -> None:
        self._codegen = codegen

    async def spend(
        self, identity: str, *, login: str, repository: str, number: int, runs: int, at: datetime, limits: Limits
    ) -> Over | None:
        if limits == Limits(person=None, thread=None, repository=None):
            # Nearly always: then nothing is asked.
            return None
        today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        marks = [
            mark
            for mark in await self._marks(since=today)
            if str(mark.get("repository", "")).lower() == repository.lower()
            and not str(mark.get("identity", "")).startswith(identity)
        ]
        of_whom: tuple[tuple[Budget, int | None, Callable[[dict[str, Any]], bool]], ...] = (
            (Budget.PERSON, limits.person, lambda mark: str(mark.get("login", "")).lower() == login.lower()),
            (Budget.THREAD, limits.thread, lambda mark: mark.get("number") == number),
            (Budget.REPOSITORY, limits.repository, lambda _mark: True),
        )
        for budget, limit, counts in of_whom:
            used = sum(map(counts, marks))
            if limit is not None and used + runs > limit:
                return Over(budget, limit, used)
        return None

    async def _marks(self, *, since: datetime) -> list[dict[str, Any]]:
        """Of the runs begun since then, newest first."""
        found = []
        async for run in self._codegen.runs():
            if run.created_at is not None and run.created_at < since:
                break
            if mark := _mark(run):
                found.append(mark)
        return found


def _mark(run: AgentRun) -> dict[str, Any] | None:
    mark = (run.metadata or {}).get(MARK)
    return mark if isinstance(mark, dict) else None
