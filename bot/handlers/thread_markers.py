"""The bot's own replies on a thread, read back by their hidden markers.

They are believed where the bot itself wrote them, and where another GitHub App did: the same team's Action and server
write under two names (``github-actions[bot]`` and the App's). People cannot write as an App. An App that repeats what
others write could carry a marker of somebody's making; so what a marker says of runs is held against the runs
themselves before anything is done with it (`bot.handlers.which_run`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from bot.github.client import GitHub
from bot.github.models import PostedComment
from bot.replies.markers import Marker, find


async def replies_on(
    github: GitHub, repository: str, number: int, *, since: datetime | None = None
) -> AsyncIterator[tuple[PostedComment, Marker]]:
    """Oldest first.

    :param since: only those changed at or after this moment
    :raises UpstreamError: where GitHub does not show the thread
    """
    async for comment in github.comments(repository, number, since=since):
        marker = find(comment.body)
        # Who the bot itself is, is asked only where it matters.
        if marker is not None and (comment.author.is_bot or comment.author.login == (await github.me()).login):
            yield comment, marker
