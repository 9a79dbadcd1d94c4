"""The fallback without a delivery log: reads the comments themselves, and handles each as if it had been delivered.

Recoverable are issue comments and review comments, as they were written. Not recoverable are reviews and labels (GitHub
lists neither across threads with author and time in a way that shows what was handled already), and comments that were
edited since: the API does not report the editor, and only the author's own words are commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from bot import log
from bot.commands.comment_parser import looks_like_command
from bot.github.client import GitHub
from bot.github.events import CommentPosted
from bot.github.models import WrittenComment
from bot.prefilter import is_own
from bot.redelivery.delivery_log import KEPT_BY_GITHUB
from bot.store.missed import MissedDeliveries
from bot.store.threads import run_in_thread

_log = log.get(__name__)


class CommentReader:
    """Reads the comments since the last one that was seen.

    :param take: handles an event; one that was handled before is ignored
    """

    def __init__(
        self,
        github: GitHub,
        remembered: MissedDeliveries,
        *,
        take: Callable[[CommentPosted], Awaitable[object]],
        now: Callable[[], datetime],
    ) -> None:
        self._github = github
        self._remembered = remembered
        self._take = take
        self._now = now
        self._taken: dict[str, set[tuple[str, int]]] = {}

    async def look(self, repository: str, *, known_since: datetime) -> None:
        """Takes two requests if nothing was written, which do not count if GitHub answers 304.

        :param known_since: comments from before the bot knew the repository are ignored
        :raises UpstreamError: if the comments cannot be read either
        :raises NotTakenError: if one of them cannot be accepted now; the next round begins where this one did
        """
        source = f"comments of {repository}"
        looked = await run_in_thread(partial(self._remembered.looked, source))
        since = max(looked or known_since, self._now() - KEPT_BY_GITHUB)
        # GitHub's times are whole seconds: the last one is read again, but not handled again.
        since = since.replace(microsecond=0)
        newest, before, taken = since, self._taken.get(repository, set()), set()
        async for each in self._github.hooks.comments_since(repository, since):
            newest = max(newest, each.created_at)
            key = (each.comment.kind.value, each.comment.id)
            if each.created_at >= since and self._is_meant(each):
                taken.add(key)
                if key not in before:
                    await self._take_it(repository, each)
        self._taken[repository] = taken
        await run_in_thread(partial(self._remembered.note_looked, source, until=newest))

    @staticmethod
    def _is_meant(each: WrittenComment) -> bool:
        return not each.is_edited and looks_like_command(each.comment.body) and not is_own(each.comment)

    async def _take_it(self, repository: str, each: WrittenComment) -> None:
        thread = await self._github.thread(repository, each.number)
        event = CommentPosted(
            thread=thread, comment=each.comment, sender=each.comment.author, installation_id=None, at=each.created_at
        )
        _log.debug("comment.read", repository=repository, number=each.number, comment=each.comment.id)
        await self._take(event)
