"""Limits replies to people without write access, by the thread's comments and what this process has answered."""

from __future__ import annotations

from datetime import datetime

from bot.github.client import GitHub
from bot.handlers.thread_markers import CLOCK_SLACK
from bot.replies.markers import Stage, find
from bot.store.models import ANSWERS_PERIOD, MOST_REFUSALS, AnswerKind, Voice


class MarkedAnswers:
    """`bot.handlers.ports.AnswerLimits`, for the one event that a job handles. Refusals on other threads, and those of
    review comments and of reviews, are not counted."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._claimed: dict[str, str] = {}

    async def claim(
        self, identity: str, *, subject: str, login: str, repository: str, number: int, kind: AnswerKind, at: datetime
    ) -> Voice:
        # Before the first await: the commands of a comment are executed concurrently.
        if self._claimed.setdefault(subject, identity) != identity:
            return Voice.NONE
        if kind is AnswerKind.ANSWER or number == 0:
            return Voice.REPLY
        before = await self._refused(login, repository, number, since=at - ANSWERS_PERIOD, but=identity)
        return Voice.REPLY if before < MOST_REFUSALS else Voice.REACTION

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
