"""Round-robin over the subscribers' tokens for polling a run.

This spreads the load over their rate limits, and a revoked token is noticed within as many reads as there are tokens.
A token is never used after its last subscriber has left; a request in progress is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from bot.codegen.client import Codegen
from bot.web.api.streams.authorization import Authorization

T = TypeVar("T")


class GoneError(Exception):
    """The token's last subscriber left before the response arrived."""


class PooledToken(Authorization):
    """A subscriber's token with its Codegen client."""

    def __init__(
        self, key: str, codegen: Codegen, ask: Callable[[], Awaitable[None]], *, clock: Callable[[], float]
    ) -> None:
        super().__init__(key, ask, clock=clock)
        self.used_at = float("-inf")
        self._codegen = codegen
        self._clock = clock
        self._asked: set[asyncio.Future[Any]] = set()

    @property
    def wait(self) -> float:
        """Seconds until Codegen's rate limits allow this token to read a log."""
        return self._codegen.limits.wait_for("logs")

    async def ask_codegen(self, question: Callable[[Codegen], Awaitable[T]]) -> T:
        """:raises GoneError: if the token's last subscriber leaves meanwhile
        :raises UpstreamError: as the request does
        """
        self.used_at = self._clock()
        asked = asyncio.ensure_future(question(self._codegen))
        self._asked.add(asked)
        try:
            answer = await asked
        except asyncio.CancelledError:
            asking = asyncio.current_task()
            if self.subscribers or (asking is not None and asking.cancelling()):
                raise
            raise GoneError from None
        finally:
            self._asked.discard(asked)
        self.confirm()
        return answer

    def drop(self) -> None:
        super().drop()
        for asked in self._asked:
            asked.cancel()


def next_of(pooled_tokens: Iterable[PooledToken]) -> PooledToken | None:
    """The token to use next: of those whose rate limits allow the earliest read, the least recently used."""
    return min(pooled_tokens, key=lambda each: (each.wait, each.used_at), default=None)
