"""Confirmations, read from the markers of replies: a pending one names its author, a confirming one the command."""

from __future__ import annotations

from datetime import datetime

from bot.github.client import GitHub
from bot.handlers.thread_markers import CLOCK_SLACK, replies_on
from bot.replies.markers import Stage


class MarkedConfirmations:
    """`bot.handlers.ports.Confirmations`, for the one thread that a job handles."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._asked: dict[str, tuple[str, int, datetime]] = {}

    async def ask(self, identity: str, *, login: str, repository: str, number: int, at: datetime) -> None:  # noqa: ARG002 - the reply's marker names them
        self._asked[identity] = (repository, number, at)

    async def confirm(self, *, login: str, repository: str, number: int) -> list[str]:
        waiting: dict[str, None] = {}
        async for _, marker in replies_on(self._github, repository, number):
            is_mine = (marker.waits_for or "").lower() == login.lower()
            if is_mine and marker.stage is Stage.ACCEPTED:
                waiting[marker.identity] = None
            for identity in marker.confirms:
                waiting.pop(identity, None)
        return sorted(waiting)

    async def is_confirmed(self, identity: str) -> bool:
        repository, number, at = self._asked[identity]
        async for _, marker in replies_on(self._github, repository, number, since=at - CLOCK_SLACK):
            if identity in marker.confirms:
                return True
        return False

    async def asked_at(self, identity: str) -> datetime | None:
        return self._asked[identity][2] if identity in self._asked else None

    async def forget(self, identity: str) -> None:
        self._asked.pop(identity, None)
