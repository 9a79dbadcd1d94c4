"""Counts the agent runs of today, from the marks in the runs' metadata and from the bot's replies to `resume`.

Runs without a mark are not counted: those of `setup-commands` and of a sandbox's analysis. Two jobs at the same moment
may both take the last run of a quota: nothing here can lock.

A follow-up leaves no mark on its run. One counts only if the comment that requested it exists: anyone who gets an App
to repeat their text can write a marker, and must not use up other people's quotas that way. Follow-ups requested in the
text of a review or by a workflow's step are not found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun
from bot.execution.run_marks import mark_of
from bot.github.client import GitHub
from bot.github.models import CommentKind
from bot.storage.models import Budget, Quota, QuotaExceeded
from bot.text.markers import Marker, find

if TYPE_CHECKING:
    from bot.github.hooks import WrittenComment

_COMMENT = re.compile(rf"({CommentKind.ISSUE_COMMENT}|{CommentKind.REVIEW_COMMENT})-([0-9]{{1,18}})-", re.ASCII)
"""How the identity of a command in a comment begins (`bot.execution.dispatch.identity`)."""


_RESUME = "resume"
"""The command that gives a follow-up."""


@dataclass(frozen=True, slots=True)
class _Charge:
    """An invocation, reconstructed from the runs that it started or from the reply to it."""

    identity: str
    login: str
    repository: str
    number: int | None
    runs: int


class MarkedQuotas:
    """`bot.execution.services.RunQuotas`. A day is a UTC day."""

    def __init__(self, codegen: Codegen, github: GitHub) -> None:
        self._codegen = codegen
        self._github = github

    async def charge(
        self, identity: str, *, login: str, repository: str, number: int, runs: int, at: datetime, limits: Quota
    ) -> QuotaExceeded | None:
        if limits == Quota(person=None, thread=None, repository=None):
            # The usual case: no requests are needed.
            return None
        today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        charges = await self._charges(repository.lower(), since=today)
        here = [each for each in charges.values() if each.repository == repository.lower()]
        others = [each for each in here if each.identity != identity]
        for budget, limit, counted in (
            (Budget.PERSON, limits.person, [each for each in others if each.login == login.lower()]),
            (Budget.THREAD, limits.thread, [each for each in others if each.number == number]),
            (Budget.REPOSITORY, limits.repository, others),
        ):
            used = sum(each.runs for each in counted)
            if limit is not None and used + runs > limit:
                return QuotaExceeded(budget, limit, used)
        return None

    async def _charges(self, repository: str, *, since: datetime) -> dict[str, _Charge]:
        """What was requested since then, by its identity: the runs of a multi-run count as one invocation.

        :param repository: whose follow-ups are read
        """
        found = await self._follow_ups(repository, since=since)
        async for run in self._codegen.runs():
            if run.created_at is not None and run.created_at < since:
                break
            if (charge := _charge(run)) is not None:
                found[charge.identity] = charge
        return found

    async def _follow_ups(self, repository: str, *, since: datetime) -> dict[str, _Charge]:
        """:raises UpstreamError: if the comments cannot be read"""
        comments = [each async for each in self._github.hooks.comments_since(repository, since)]
        by_id = {(each.comment.kind.value, each.comment.id): each for each in comments}
        found = {}
        for each in comments:
            marker = find(each.comment.body)
            if marker is None or each.created_at < since or not await self._is_reply(each, marker):
                continue
            origin = _COMMENT.match(marker.identity)
            request = by_id.get((origin[1], int(origin[2]))) if origin else None
            if request is not None and request.number == each.number and _may_resume(request.comment.body):
                login = request.comment.author.login.lower()
                found[marker.identity] = _Charge(marker.identity, login, repository, each.number, runs=1)
        return found

    async def _is_reply(self, written: WrittenComment, marker: Marker) -> bool:
        """Whether it is the reply to a `resume` that was not refused."""
        if marker.command != _RESUME or not marker.runs:
            return False
        author = written.comment.author
        return author.is_bot or author.login == (await self._github.me()).login


def _may_resume(text: str) -> bool:
    """Whether a comment may hold the command, whatever the repository's prefix is."""
    from bot.execution.prefilter import looks_like_command  # noqa: PLC0415 - not paid by commands without a quota

    return looks_like_command(text) and _RESUME in text


def _charge(run: AgentRun) -> _Charge | None:
    metadata, mark = run.metadata or {}, mark_of(run)
    if mark is None:
        return None
    total = metadata.get("multi_run_total")
    attempts = total if isinstance(total, int) else 1
    return _Charge(
        identity=str(metadata.get("multi_run_id") or mark.identity),
        login=(mark.login or "").lower(),
        repository=(mark.repository or "").lower(),
        number=mark.number,
        # The synthesis is a run too, also before it has begun.
        runs=attempts + (attempts > 1),
    )
