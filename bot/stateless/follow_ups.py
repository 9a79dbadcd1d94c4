"""The follow-ups given to a repository's runs, read from the bot's replies to `resume`.

A follow-up leaves no mark on its run. One counts only if the comment that requested it exists: anyone who gets an App
to repeat their text can write a marker, and must not use up other people's quotas that way. Follow-ups requested in the
text of a review or by a workflow's step are not found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from bot.commands.comment_parser import looks_like_command
from bot.commands.resume import Resume
from bot.github.client import GitHub
from bot.github.models import CommentKind, WrittenComment
from bot.replies.markers import Marker, find


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One follow-up.

    :param identity: the command's
    :param login: of the comment's author
    :param number: of the thread
    """

    identity: str
    login: str
    number: int


async def follow_ups(github: GitHub, repository: str, *, since: datetime) -> dict[str, FollowUp]:
    """The follow-ups since then, by their identities.

    :raises UpstreamError: if the comments cannot be read
    """
    written = [each async for each in github.hooks.comments_since(repository, since)]
    by_id = {(each.comment.kind.value, each.comment.id): each for each in written}
    found = {}
    for each in written:
        marker = find(each.comment.body)
        if marker is None or each.created_at < since or not await _is_reply(github, each, marker):
            continue
        said = _COMMENT.match(marker.identity)
        asked = by_id.get((said[1], int(said[2]))) if said else None
        if asked is not None and asked.number == each.number and _asks(asked.comment.body):
            login = asked.comment.author.login
            found[marker.identity] = FollowUp(identity=marker.identity, login=login, number=each.number)
    return found


async def _is_reply(github: GitHub, written: WrittenComment, marker: Marker) -> bool:
    """Whether it is the reply to a `resume` that was not refused."""
    if marker.command != Resume.USAGE.name or not marker.runs:
        return False
    author = written.comment.author
    return author.is_bot or author.login == (await github.me()).login


def _asks(text: str) -> bool:
    """Whether a comment may hold the command, whatever the repository's prefix is."""
    return looks_like_command(text) and Resume.USAGE.name in text


_COMMENT = re.compile(rf"({CommentKind.ISSUE_COMMENT}|{CommentKind.REVIEW_COMMENT})-([0-9]{{1,18}})-", re.ASCII)
"""How the identity of a command in a comment begins (`bot.dispatch.identity`)."""
