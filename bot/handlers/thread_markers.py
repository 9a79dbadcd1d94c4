"""The bot's own replies on a thread, read back by their hidden markers.

They are believed where the bot itself wrote them, another GitHub App, or somebody who may write: the same team's Action
and server have two names (``github-actions[bot]``, and the App's or, on a plain token, a person's). Nobody else writes
as one of these. An App that repeats what others write could carry a marker of somebody's making; so what a marker says
of runs is held against the runs themselves before anything is done with it (`bot.handlers.which_run`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from bot.github.client import GitHub
from bot.github.models import Permission, PostedComment
from bot.replies.markers import Marker, find


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
