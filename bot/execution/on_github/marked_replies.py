"""State read from the markers of the bot's replies: the runs of a thread, confirmations, and refusals."""
# ruff: noqa: ARG002 - the markers hold what a database has to be given

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot.execution.runs_of_thread import CLOCK_SLACK, replies_on, used_runs_on
from bot.github.client import GitHub
from bot.storage.models import ANSWERS_PERIOD, MOST_REFUSALS, AnswerKind, AnswerMode
from bot.text.markers import Stage, find


class MarkedRuns:
    """`bot.execution.services.ThreadRuns`.

    Anyone who gets an App to repeat their text can write a marker, so none counts as a record that only the bot can
    have written: `bot.execution.runs_of_thread` compares the markers with the runs.
    """

    def __init__(self, github: GitHub) -> None:
        self._github = github

    async def remember(self, org_id: int, run_id: int, *, repository: str, number: int) -> None:
        """Nothing to do: the reply's marker carries the run."""

    async def latest(self, org_id: int, *, repository: str, number: int) -> int | None:
        """None."""

    async def of_thread(self, org_id: int, *, repository: str, number: int) -> list[int]:
        found: dict[int, None] = {}
        for used in await used_runs_on(self._github, repository, number):
            for run in used.runs:
                # Used again, it becomes the latest.
                found.pop(run, None)
                found[run] = None
        return [*reversed(found)]

    async def used_in(self, org_id: int, run_ids: Collection[int], *, repository: str) -> set[int]:
        return set()


class MarkedConfirmations:
    """`bot.execution.services.Confirmations`, for the one thread that a job handles.

    The marker of a pending confirmation names its author, that of a confirming reply the command.
    """

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._requested: dict[str, tuple[str, int, datetime]] = {}

    async def ask(self, identity: str, *, login: str, repository: str, number: int, at: datetime) -> None:
        self._requested[identity] = (repository, number, at)

    async def confirm(self, *, login: str, repository: str, number: int) -> list[str]:
        waiting: dict[str, None] = {}
        async for _, marker in replies_on(self._github, repository, number):
            is_mine = (marker.waits_for or "").lower() == login.lower()
            if is_mine and marker.stage is Stage.ACCEPTED:
                waiting[marker.identity] = None
            for identity in marker.confirms:
                waiting.pop(identity, None)
        return sorted(waiting)

    async def is_confirmed(self, identity: str) -> bool:
        repository, number, at = self._requested[identity]
        async for _, marker in replies_on(self._github, repository, number, since=at - CLOCK_SLACK):
            if identity in marker.confirms:
                return True
        return False

    async def requested_at(self, identity: str) -> datetime | None:
        return self._requested[identity][2] if identity in self._requested else None

    async def forget(self, identity: str) -> None:
        self._requested.pop(identity, None)


class MarkedAnswers:
    """`bot.execution.permissions.AnswerLimits`, for the one event that a job handles. Refusals on other threads, and
    those of review comments and of reviews, are not counted."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._claimed: dict[str, str] = {}

    async def claim(
        self, identity: str, *, subject: str, login: str, repository: str, number: int, kind: AnswerKind, at: datetime
    ) -> AnswerMode:
        # Before the first await: the commands of a comment are executed concurrently.
        if self._claimed.setdefault(subject, identity) != identity:
            return AnswerMode.NONE
        if kind is AnswerKind.ANSWER or number == 0:
            return AnswerMode.REPLY
        before = await self._refused(login, repository, number, since=at - ANSWERS_PERIOD, but=identity)
        return AnswerMode.REPLY if before < MOST_REFUSALS else AnswerMode.REACTION

    async def _refused(self, login: str, repository: str, number: int, *, since: datetime, but: str) -> int:
        """The number of a user's comments on the thread that were refused by a reply."""
        theirs, refused = set[str](), set[str]()
        async for comment in self._github.comments(repository, number, since=since - CLOCK_SLACK):
            marker = find(comment.body)
            if comment.author.login.lower() == login.lower():
                theirs.add(str(comment.id))
            elif marker is not None and marker.stage is Stage.REFUSED and marker.identity != but:
                refused.add(marker.identity)
        prefix = "issue-comment-"
        return len(
            {each.removeprefix(prefix).partition("-")[0] for each in refused if each.startswith(prefix)} & theirs
        )
