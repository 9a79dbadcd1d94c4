"""Counts the agent runs of today, from the marks in the runs' metadata and from the replies about follow-ups
(`bot.stateless.follow_ups`).

Runs without a mark are not counted: those of `setup-commands` and of a sandbox's analysis. Two jobs at the same moment
may both take the last run of a quota: nothing here can lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun
from bot.github.client import GitHub
from bot.handlers.run_marks import mark_of
from bot.stateless.follow_ups import follow_ups
from bot.store.models import Budget, Quota, QuotaExceeded


class MarkedSpending:
    """`bot.handlers.ports.Spending`. A day is a UTC day."""

    def __init__(self, codegen: Codegen, github: GitHub) -> None:
        self._codegen = codegen
        self._github = github

    async def spend(
        self, identity: str, *, login: str, repository: str, number: int, runs: int, at: datetime, limits: Quota
    ) -> QuotaExceeded | None:
        if limits == Quota(person=None, thread=None, repository=None):
            # The usual case: no requests are needed.
            return None
        today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        asked = [
            each
            for each in (await self._asked(repository.lower(), since=today)).values()
            if each.repository == repository.lower() and each.identity != identity
        ]
        of_whom: tuple[tuple[Budget, int | None, Callable[[_Asked], bool]], ...] = (
            (Budget.PERSON, limits.person, lambda each: each.login == login.lower()),
            (Budget.THREAD, limits.thread, lambda each: each.number == number),
            (Budget.REPOSITORY, limits.repository, lambda _each: True),
        )
        for budget, limit, counts in of_whom:
            used = sum(each.runs for each in asked if counts(each))
            if limit is not None and used + runs > limit:
                return QuotaExceeded(budget, limit, used)
        return None

    async def _asked(self, repository: str, *, since: datetime) -> dict[str, _Asked]:
        """What was requested since then, by its identity: the runs of a multi-run count as one invocation.

        :param repository: whose follow-ups are read
        """
        found = {
            identity: _Asked(
                identity=identity, login=each.login.lower(), repository=repository, number=each.number, runs=1
            )
            for identity, each in (await follow_ups(self._github, repository, since=since)).items()
        }
        async for run in self._codegen.runs():
            if run.created_at is not None and run.created_at < since:
                break
            if (asked := _asked(run)) is not None:
                found[asked.identity] = asked
        return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """An invocation, reconstructed from the runs that it started or from the reply to it."""

    identity: str
    login: str
    repository: str
    number: int | None
    runs: int


def _asked(run: AgentRun) -> _Asked | None:
    metadata, mark = run.metadata or {}, mark_of(run)
    if mark is None:
        return None
    total = metadata.get("multi_run_total")
    attempts = total if isinstance(total, int) else 1
    return _Asked(
        identity=str(metadata.get("multi_run_id") or mark.identity),
        login=(mark.login or "").lower(),
        repository=(mark.repository or "").lower(),
        number=mark.number,
        # The synthesis is a run too, also before it has begun.
        runs=attempts + (attempts > 1),
    )
