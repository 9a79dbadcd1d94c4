"""Progress updates of the status comment: the newest state, at most as often as the interval and GitHub allow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from bot import log
from bot.errors import OffloadError
from bot.replies.reply import Reply

_log = log.get(__name__)

CATCHING_UP = 5.0
"""Least delay in seconds before a dropped update is tried again, with the state of that time."""


class Progress:
    """Edits the status comment while something is awaited.

    Leaving the context waits for an edit in flight, so that nothing outdated is posted after the end.

    :param show: makes the reply for the current state, None for nothing to show; if it takes too long, updates stop
    :param edit: updates the comment
    :param is_behind: whether the comment is outdated, so that a retry is worthwhile
    :param interval: the shortest time between two edits, in seconds
    :param catching_up: the same after a dropped edit
    """

    def __init__(
        self,
        show: Callable[[], Awaitable[Reply | None]],
        *,
        edit: Callable[[Reply], Awaitable[None]],
        is_behind: Callable[[], bool],
        interval: float,
        catching_up: float = CATCHING_UP,
    ) -> None:
        self._show = show
        self._edit = edit
        self._is_behind = is_behind
        self._interval = interval
        self._catching_up = max(interval, catching_up)
        self._heard = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def heard(self) -> None:
        """Reports that something changed."""
        self._heard.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._heard.set()
        if self._task is not None:
            await self._task

    async def _keep_up(self) -> None:
        # An update dropped before this task started is tried again here.
        await self._rest(0.0)
        while True:
            await self._heard.wait()
            if self._over.is_set():
                return
            self._heard.clear()
            try:
                if (reply := await self._show()) is not None:
                    await self._edit(reply)
            except OffloadError as error:
                _log.warning("progress.ended", reason=str(error))
                return
            await self._rest(self._interval)

    async def _rest(self, seconds: float) -> None:
        """Waits until the next edit is allowed."""
        if self._is_behind():
            self._heard.set()
            seconds = self._catching_up
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
