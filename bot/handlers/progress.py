"""Progress in the reply: the newest state of a run, not more often than the interval allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from bot.codegen.models import AgentRun
from bot.replies.reply import Reply


class _Shows(Protocol):
    def now(self) -> datetime: ...

    async def show(self, reply: Reply) -> None: ...


class _HasStarted(Protocol):
    @property
    def run(self) -> AgentRun: ...

    @property
    def at(self) -> datetime: ...


class Progress:
    """Edits the reply while the run is watched.

    Leaving it waits for an edit under way: nothing old comes after the end.

    :param interval: the shortest time between two edits, in seconds
    """

    def __init__(
        self, do: _Shows, started: _HasStarted, *, show: Callable[[AgentRun, float], Reply], interval: float
    ) -> None:
        self.latest = started.run
        self._do = do
        self._started_at = started.at
        self._show = show
        self._interval = interval
        self._heard = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def heard(self, run: AgentRun) -> None:
        """The watcher saw a change."""
        self.latest = run
        self._heard.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._edit())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._heard.set()
        if self._task is not None:
            await self._task

    async def _edit(self) -> None:
        while True:
            await self._heard.wait()
            if self._over.is_set():
                return
            self._heard.clear()
            run = self.latest
            if not run.finished:
                seconds = (self._do.now() - self._started_at).total_seconds()
                await self._do.show(self._show(run, seconds))
            try:
                await asyncio.wait_for(self._over.wait(), self._interval)
            except TimeoutError:
                continue
