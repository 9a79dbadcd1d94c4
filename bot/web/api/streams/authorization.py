"""Keeps checking that a token still has access to the stream that its subscribers follow."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from bot.web.api.streams.close_codes import CloseCode, of_status
from bot.web.api.streams.frames import Frame
from bot.web.api.streams.subscriber import Subscriber
from bot.web.problems import Problem

BELIEVED = 60.0
"""Seconds for which a token that Codegen has accepted is trusted without another check."""

AGAIN = 15.0
"""Seconds until the next attempt if Codegen could not be reached."""


class Authorization:
    """One token's authorization, with all its subscribers of one stream.

    :param ask: checks that the token still has access; raises Problem if not
    """

    def __init__(self, key: str, ask: Callable[[], Awaitable[None]], *, clock: Callable[[], float]) -> None:
        self.key = key
        self.subscribers: set[Subscriber] = set()
        self._ask = ask
        self._clock = clock
        self._believed_until = clock() + BELIEVED
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_believed(self) -> bool:
        return self._clock() < self._believed_until

    def confirm(self) -> None:
        """Records that Codegen has just accepted this token."""
        self._believed_until = self._clock() + BELIEVED

    def look(self) -> None:
        """Starts a check if one is due; meanwhile the stream goes on."""
        if not self.is_believed and self._asking is None:
            self._asking = asyncio.create_task(self._find_out(), context=contextvars.Context())

    def dismiss(self, code: CloseCode, *last_words: Frame) -> None:
        """Closes the streams of all this token's subscribers."""
        for subscriber in [*self.subscribers]:
            subscriber.dismiss(code, *last_words)

    def drop(self) -> None:
        """Cancels a running check after the last subscriber has left."""
        if self._asking is not None:
            self._asking.cancel()

    async def _find_out(self) -> None:
        try:
            await self._ask()
        except Problem as problem:
            if problem.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
                self.dismiss(of_status(problem.status))
            self._believed_until = self._clock() + AGAIN
        else:
            self.confirm()
        finally:
            self._asking = None
