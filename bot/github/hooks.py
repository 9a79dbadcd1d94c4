"""Webhooks as GitHub keeps them: their settings, the log of their deliveries, and the comments they told of.

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
"""Where a repository's comments are listed over all threads. For reviews GitHub has no such address."""


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """Where GitHub notes how deliveries went: of a repository's hook, or of the App, which has one for all.

    :param repository: ``owner/name``; empty for the App's
    :param hook_id: of a repository's hook
    """

    repository: str = ""
    hook_id: int = 0

    @property
    def segments(self) -> Segments:
        """Of its path, below the repository's address if there is one."""
        return ("hooks", self.hook_id, "deliveries") if self.repository else ("app", "hook", "deliveries")

    def __str__(self) -> str:
        return f"hook {self.hook_id} of {self.repository}" if self.repository else "the App's hook"


class Hooks:
    """GitHub's webhooks, as one account or App. Every method raises `bot.errors.UpstreamError` and nothing else; of
    kind NOT_FOUND or FORBIDDEN also where the account may not see hooks."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def of_repository(self, repository: str) -> list[Hook]:
        """Its own ones; those of its organization and of Apps are not among them."""
        pages = self._calls.read_pages("hooks", repository, ("hooks",), HOOK)
        return [answer.model() async for answer in pages]

    async def of_app(self) -> Hook:
        """The App's own one, of which GitHub tells the settings only."""
        return (await self._calls.read("app_hook", "", ("app", "hook", "config"), HOOK_CONFIG)).model()

    async def app(self) -> Grant:
        """What the App asks for."""
        return (await self._calls.read("app", "", ("app",), APP_GRANT)).model()

    async def installations(self) -> list[Grant]:
        """What each account has granted the App."""
        pages = self._calls.read_pages("installations", "", ("app", "installations"), INSTALLATION_GRANT)
        return [answer.model() async for answer in pages]

    async def deliveries(self, log: DeliveryLog, *, status: str | None = None) -> AsyncIterator[Delivered]:
        """What was delivered in the last three days, newest first; each page is asked for when it is reached.

        :param status: ``success`` or ``failure``; None: both
        """
        query = {"status": status} if status else None
        pages = self._calls.read_pages("deliveries", log.repository, log.segments, DELIVERED, query=query)
        async for answer in pages:
            yield answer.model()

    async def redeliver(self, log: DeliveryLog, delivery_id: int) -> None:
        """Has a delivery made once more, with the hook's secret and address of today. It keeps its GUID."""
        await self._calls.ask("redeliver", log.repository, (*log.segments, delivery_id, "attempts"))

    async def comments_since(self, repository: str, since: datetime) -> AsyncIterator[WrittenComment]:
        """A repository's comments, those on lines too, that were written or edited at that moment or later; of each
        kind the oldest first.

        :param since: knows its time zone
        """
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {"sort": "updated", "direction": "asc", "since": moment}
        for kind, segments in _ADDRESSES.items():
            pages = self._calls.read_pages("comments_since", repository, segments, WRITTEN_COMMENT, query=query)
            async for answer in pages:
                yield answer.found(kind)
