"""The bot's own replies on a thread, recognized by their hidden markers.

They are trusted if written by the bot itself, another GitHub App, or a user who may write: the same team's Action and
server have two logins (``github-actions[bot]``, and the App's or, with a plain token, a person's). An App may repeat
what others write, and every workflow writes as ``github-actions[bot]``. So what a marker says about runs is trusted by
itself only if nobody but the bot can have written it; otherwise the runs themselves must say the same
(`bot.handlers.runs_of_thread`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.commands.table import SET_LATEST
from bot.github.client import GitHub
from bot.github.models import Permission, PostedComment
from bot.replies.markers import Marker, find

SHARED_LOGIN = "github-actions[bot]"
"""The login of all of a repository's workflows."""

CLOCK_SLACK = timedelta(minutes=5)
"""How far GitHub's clock and the local one may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRuns:
    """The runs that a command started or gave a follow-up, from its reply's marker.

    :param identity: the command's
    :param runs: their ids
    :param is_own: whether nobody but the bot can have written it
    """

    identity: str
    command: str
    runs: tuple[int, ...]
    is_own: bool


async def used_runs_on(github: GitHub, repository: str, number: int) -> list[UsedRuns]:
    """The runs named by the thread's replies, oldest first.

    :raises UpstreamError: if GitHub does not show the thread
    """
    return [
        UsedRuns(
            identity=marker.identity,
            command=marker.command,
            runs=marker.runs,
            is_own=await is_written_by_bot_alone(github, comment.author.login),
        )
        async for comment, marker in replies_on(github, repository, number)
        # Earlier versions also named runs in replies to other commands.
        if marker.runs and marker.command in SET_LATEST
    ]


async def is_written_by_bot_alone(github: GitHub, login: str) -> bool:
    """Whether this is the bot's account, and not the one that all workflows share."""
    return login != SHARED_LOGIN and login == (await github.me()).login


async def replies_on(
    github: GitHub, repository: str, number: int, *, since: datetime | None = None
) -> AsyncIterator[tuple[PostedComment, Marker]]:
    """The thread's trusted replies, oldest first.

    :param since: only those changed at or after this moment
    :raises UpstreamError: if GitHub does not show the thread
    """
    trusted: dict[str, bool] = {}
    async for comment in github.comments(repository, number, since=since):
        marker, author = find(comment.body), comment.author
        if marker is None:
            continue
        if author.login not in trusted:
            trusted[author.login] = author.is_bot or await _is_trusted(github, repository, author.login)
        if trusted[author.login]:
            yield comment, marker


async def _is_trusted(github: GitHub, repository: str, login: str) -> bool:
    """Checked only if a person's comment carries a marker, which is rare."""
    if login == (await github.me()).login:
        return True
    return await github.permission(repository, login) >= Permission.WRITE
