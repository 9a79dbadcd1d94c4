"""All listeners of this server, of whatever stream: not too many of one token, and all sent away when it stops."""

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
"""Of one token."""

GOODBYE = 3.0
"""Seconds that all of them together have to go when the server stops."""


class Subscribers:
    """:param most: listeners of one token"""

    def __init__(self, *, most: int = MOST_LISTENERS) -> None:
        self._most = most
        self._present: dict[Subscriber, asyncio.Task[None] | None] = {}
        self._counts: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._is_closed = False

    @contextmanager
    def enter(self, key: str) -> Iterator[Subscriber]:
        """Counts somebody while the context lasts, from before they have been let in.

        :param key: the token's digest
        :raises Problem: 429 for one too many, 503 when the server stops
        """
        if self._is_closed:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The server stops.", headers={"Retry-After": "5"})
        if self._counts[key] >= self._most:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._most} streams at once are the most for one token.",
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
        """Says goodbye to everybody, and does not wait for long: whoever is still there then is cut off."""
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
