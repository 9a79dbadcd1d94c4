"""Whose tokens the reader of a run reads with: those of the people who are there, in turn.

So the load spreads over their limits, and a token that was revoked is found out within as many reads as there are
tokens. Nobody's token is used after they have gone, a request under way included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from bot.codegen.client import Codegen
from bot.web.api.streams.authorization import Standing

T = TypeVar("T")


class GoneError(Exception):
    """The lender has left before the answer came."""


class Lender(Standing):
    """A token with its client."""

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
        """Seconds until Codegen's limits let this token read a log."""
        return self._codegen.limits.wait_for("logs")

    async def ask_codegen(self, question: Callable[[Codegen], Awaitable[T]]) -> T:
        """:raises GoneError: where the last of its listeners leaves meanwhile
        :raises UpstreamError: as the question does
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


def next_of(lenders: Iterable[Lender]) -> Lender | None:
    """Whose turn it is: of those whose limits let them read soonest, the one that has rested longest."""
    return min(lenders, key=lambda each: (each.wait, each.used_at), default=None)
