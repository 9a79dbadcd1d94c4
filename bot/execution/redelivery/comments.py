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
from bot.execution.prefilter import is_own, looks_like_command
from bot.execution.redelivery.delivery_log import LOG_RETENTION
from bot.github.client import GitHub
from bot.github.events import CommentPosted
from bot.github.hooks import WrittenComment
from bot.storage.deliveries import MissedDeliveries
from bot.storage.queries import run_in_thread

_log = log.get(__name__)


class CommentSearch:
    """Reads the comments since the last one that was seen.

    :param handle: handles an event; one that was handled before is ignored
    """

    def __init__(
        self,
        github: GitHub,
        store: MissedDeliveries,
        *,
        handle: Callable[[CommentPosted], Awaitable[object]],
        now: Callable[[], datetime],
    ) -> None:
        self._github = github
        self._store = store
        self._handle = handle
        self._now = now
        self._handled: dict[str, set[tuple[str, int]]] = {}

    async def search(self, repository: str, *, known_since: datetime) -> None:
        """Takes two requests if nothing was written, which do not count if GitHub answers 304.

        :param known_since: comments from before the bot knew the repository are ignored
        :raises UpstreamError: if the comments cannot be read either
        :raises NotTakenError: if one of them cannot be accepted now; the next round begins where this one did
        """
        source = f"comments of {repository}"
        searched = await run_in_thread(partial(self._store.searched_until, source))
        since = max(searched or known_since, self._now() - LOG_RETENTION)
        # GitHub's times are whole seconds: the last one is read again, but not handled again.
        since = since.replace(microsecond=0)
        newest, before, handled = since, self._handled.get(repository, set()), set()
        async for each in self._github.hooks.comments_since(repository, since):
            newest = max(newest, each.created_at)
            key = (each.comment.kind.value, each.comment.id)
            if each.created_at >= since and _may_be_command(each):
                handled.add(key)
                if key not in before:
                    await self._handle_comment(repository, each)
        self._handled[repository] = handled
        await run_in_thread(partial(self._store.set_searched, source, until=newest))

    async def _handle_comment(self, repository: str, each: WrittenComment) -> None:
        thread = await self._github.thread(repository, each.number)
        event = CommentPosted(
            thread=thread, comment=each.comment, sender=each.comment.author, installation_id=None, at=each.created_at
        )
        _log.debug("comment.read", repository=repository, number=each.number, comment=each.comment.id)
        await self._handle(event)


def _may_be_command(each: WrittenComment) -> bool:
    return not each.is_edited and looks_like_command(each.comment.body) and not is_own(each.comment)
