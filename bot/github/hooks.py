"""Webhooks on GitHub: their settings, the log of their deliveries, and the comments that they reported.

https://docs.github.com/en/rest/apps/webhooks
https://docs.github.com/en/rest/repos/webhooks
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.api_path import Segments
from bot.github.calls import Calls
from bot.github.hook_shapes import (
    APP_GRANT,
    DELIVERED,
    HOOK,
    HOOK_CONFIG,
    INSTALLATION_GRANT,
    WRITTEN_COMMENT,
)
from bot.github.models import CommentKind, Delivered, Grant, Hook, WrittenComment

_ADDRESSES = {
    CommentKind.ISSUE_COMMENT: ("issues", "comments"),
    CommentKind.REVIEW_COMMENT: ("pulls", "comments"),
}
"""The endpoints that list a repository's comments across all threads. For reviews GitHub has none."""


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """GitHub's log of deliveries: of a repository's hook, or of the App, which has one for all.

    :param repository: ``owner/name``; empty for the App's
    :param hook_id: of a repository's hook
    """

    repository: str = ""
    hook_id: int = 0

    @property
    def segments(self) -> Segments:
        """The path's segments, below the repository's address if there is one."""
        return ("hooks", self.hook_id, "deliveries") if self.repository else ("app", "hook", "deliveries")

    def __str__(self) -> str:
        return f"hook {self.hook_id} of {self.repository}" if self.repository else "the App's hook"


class Hooks:
    """GitHub's webhooks, as one account or App. Every method raises `bot.errors.UpstreamError` and nothing else; of
    kind NOT_FOUND or FORBIDDEN also if the account may not see hooks."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def of_repository(self, repository: str) -> list[Hook]:
        """A repository's own hooks; those of its organization and of Apps are not included."""
        pages = self._calls.read_pages("hooks", repository, ("hooks",), HOOK)
        return [answer.model() async for answer in pages]

    async def of_app(self) -> Hook:
        """The App's own hook, of which GitHub returns the settings only."""
        return (await self._calls.read("app_hook", "", ("app", "hook", "config"), HOOK_CONFIG)).model()

    async def app(self) -> Grant:
        """What the App requests."""
        return (await self._calls.read("app", "", ("app",), APP_GRANT)).model()

    async def installations(self) -> list[Grant]:
        """What each account has granted the App."""
        pages = self._calls.read_pages("installations", "", ("app", "installations"), INSTALLATION_GRANT)
        return [answer.model() async for answer in pages]

    async def deliveries(self, log: DeliveryLog, *, status: str | None = None) -> AsyncIterator[Delivered]:
        """The deliveries of the last three days, newest first; pages are requested as they are needed.

        :param status: ``success`` or ``failure``; None: both
        """
        query = {"status": status} if status else None
        pages = self._calls.read_pages("deliveries", log.repository, log.segments, DELIVERED, query=query)
        async for answer in pages:
            yield answer.model()

    async def redeliver(self, log: DeliveryLog, delivery_id: int) -> None:
        """Repeats a delivery, with the hook's current secret and address. It keeps its GUID."""
        await self._calls.ask("redeliver", log.repository, (*log.segments, delivery_id, "attempts"))

    async def comments_since(self, repository: str, since: datetime) -> AsyncIterator[WrittenComment]:
        """A repository's comments, including review comments, that were written or edited at that time or later; each
        kind oldest first.

        :param since: with a time zone
        """
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {"sort": "updated", "direction": "asc", "since": moment}
        for kind, segments in _ADDRESSES.items():
            pages = self._calls.read_pages("comments_since", repository, segments, WRITTEN_COMMENT, query=query)
            async for answer in pages:
                yield answer.found(kind)
