"""The bot's own replies on a thread, read back by their hidden markers.

They are believed where the bot itself wrote them, another GitHub App, or somebody who may write: the same team's Action
and server have two names (``github-actions[bot]``, and the App's or, on a plain token, a person's). An App may repeat
what others write, and every workflow writes as ``github-actions[bot]``. So what a marker says of runs is believed as it
stands only where nobody but the bot can have written it; otherwise the runs themselves must say the same
(`bot.handlers.runs_of_thread`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from bot.commands.table import SET_LATEST
from bot.github.client import GitHub
from bot.github.models import Permission, PostedComment
from bot.replies.markers import Marker, find

SHARED_LOGIN = "github-actions[bot]"
"""As whom all of a repository's workflows write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRuns:
    """What a reply's marker says of the runs that a command started or gave a follow-up.

    :param identity: the command's
    :param runs: their ids
    :param is_own: whether nobody but the bot can have written it
    """

    identity: str
    command: str
    runs: tuple[int, ...]
    is_own: bool


async def used_runs_on(github: GitHub, repository: str, number: int) -> list[UsedRuns]:
    """Oldest first.

    :raises UpstreamError: where GitHub does not show the thread
    """
    return [
        UsedRuns(
            identity=marker.identity,
            command=marker.command,
            runs=marker.runs,
            is_own=await is_written_by_bot_alone(github, comment.author.login),
        )
        async for comment, marker in replies_on(github, repository, number)
        # Replies to other commands named runs in earlier versions.
        if marker.runs and marker.command in SET_LATEST
    ]


async def is_written_by_bot_alone(github: GitHub, login: str) -> bool:
    """Whether that is the bot's account, and no workflow's that is not the bot's."""
    return login != SHARED_LOGIN and login == (await github.me()).login


async def replies_on(
    github: GitHub, repository: str, number: int, *, since: datetime | None = None
) -> AsyncIterator[tuple[PostedComment, Marker]]:
    """Oldest first.

    :param since: only those changed at or after this moment
    :raises UpstreamError: where GitHub does not show the thread
    """
    believed: dict[str, bool] = {}
    async for comment in github.comments(repository, number, since=since):
        marker, author = find(comment.body), comment.author
        if marker is None:
            continue
        if author.login not in believed:
            believed[author.login] = author.is_bot or await _is_of_the_house(github, repository, author.login)
        if believed[author.login]:
            yield comment, marker


async def _is_of_the_house(github: GitHub, repository: str, login: str) -> bool:
    """Asked only where a person's comment carries a marker, which is seldom."""
    if login == (await github.me()).login:
        return True
    return await github.permission(repository, login) >= Permission.WRITE
