"""All subscribers of this server: limits their number per token and disconnects them on shutdown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.subscriber import Subscriber
from bot.web.problems import Problem

MOST_LISTENERS = 2_000
"""Subscribers per token."""

GOODBYE = 3.0
"""Seconds for all of them together to disconnect on shutdown."""


class Subscribers:
    """:param most: subscribers per token"""

    def __init__(self, *, most: int = MOST_LISTENERS) -> None:
        self._most = most
        self._present: dict[Subscriber, asyncio.Task[None] | None] = {}
        self._counts: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._is_closed = False

    @contextmanager
    def enter(self, key: str) -> Iterator[Subscriber]:
        """Counts a subscriber while the context lasts, even before it has been authorized.

        :param key: the token's digest
        :raises Problem: 429 if the token has too many, 503 during shutdown
        """
        if self._is_closed:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping.", headers={"Retry-After": "5"})
        if self._counts[key] >= self._most:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._most} streams at once is the limit per token.",
                headers={"Retry-After": "30"},
            )
        subscriber = Subscriber()
        self._present[subscriber] = asyncio.current_task()
        self._counts[key] += 1
        try:
            yield subscriber
        finally:
            del self._present[subscriber]
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
            if not self._present:
                self._empty.set()

    def __len__(self) -> int:
        return len(self._present)

    async def close(self, *, seconds: float = GOODBYE) -> None:
        """Closes all streams; those still open after the timeout are cancelled."""
        self._is_closed = True
        self._empty.clear()
        for subscriber in [*self._present]:
            subscriber.dismiss(CloseCode.RESTART)
        if not self._present:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            for task in self._present.values():
                if task is not None:
                    task.cancel()
