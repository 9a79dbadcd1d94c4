"""Progress in the reply: the newest state, not more often than the interval allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from bot.replies.reply import Reply


class Progress:
    """Edits the reply while something is watched.

    Leaving it waits for an edit under way: nothing old comes after the end.

    :param show: makes the reply of how things are; None where there is nothing to show
    :param edit: makes the comment say it
    :param interval: the shortest time between two edits, in seconds
    """

    def __init__(
        self, show: Callable[[], Reply | None], *, edit: Callable[[Reply], Awaitable[None]], interval: float
    ) -> None:
        self._show = show
        self._edit = edit
        self._interval = interval
        self._heard = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def heard(self) -> None:
        """Something changed."""
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
        while True:
            await self._heard.wait()
            if self._over.is_set():
                return
            self._heard.clear()
            reply = self._show()
            if reply is not None:
                await self._edit(reply)
            try:
                await asyncio.wait_for(self._over.wait(), self._interval)
            except TimeoutError:
                continue
