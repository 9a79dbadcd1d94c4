"""Tracks which subscribers follow which multi-run."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain

from bot.web.api.authentication import Callers
from bot.web.api.endpoint import AnyRequest
from bot.web.api.models import MultiRunResponse
from bot.web.api.multi_run_work import MultiRunInProgress
from bot.web.api.multi_runs import multi_run_of
from bot.web.api.streams import frames
from bot.web.api.streams.frames import CloseCode, Frame
from bot.web.api.streams.subscribers import Subscriber
from bot.web.problems import Problem

CHECK_INTERVAL = 60.0
"""Seconds between two checks that a token still has access."""


class MultiRunCursor:
    """Implements `bot.web.api.streams.subscribers.Cursor`: a slow subscriber gets the newest state, not all of them.

    :param check: checks that the token still has access; raises Problem if not
    """

    def __init__(
        self,
        call: AnyRequest,
        subscriber: Subscriber,
        multi_run: MultiRunInProgress,
        check: Callable[[], Awaitable[None]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._call = call
        self._subscriber = subscriber
        self._multi_run = multi_run
        self._check = check
        self._sleep = sleep
        self._sent: MultiRunResponse | None = None
        self._is_end_sent = False
        self._checking = asyncio.create_task(self._keep_checking(), context=contextvars.Context())
        multi_run.wakes.add(subscriber.wake)

    @property
    def has_ended(self) -> bool:
        return self._multi_run.has_ended

    async def next(self) -> Sequence[Frame]:
        multi_run = self._multi_run
        if self._is_end_sent:
            self._subscriber.disconnect(CloseCode.ENDED)
        elif multi_run.state != self._sent:
            self._sent = multi_run.state
            return [await self._frame(frames.multi_run_status)]
        elif self.has_ended:
            self._is_end_sent = True
            return [await self._frame(frames.multi_run_end)]
        elif multi_run.is_broken:
            code = CloseCode.BROKEN
            self._subscriber.disconnect(code, frames.error(code.sentence, code))
        return []

    def close(self) -> None:
        self._checking.cancel()
        self._multi_run.wakes.discard(self._subscriber.wake)

    async def _frame(self, make: Callable[[MultiRunResponse, Sequence[str]], Frame]) -> Frame:
        """The frame of the newest state, serialized once for all subscribers with the same token."""
        state, services = self._multi_run.state, self._call.services

        async def serialize() -> Frame:
            patterns = chain.from_iterable(await services.patterns.for_runs(self._call.org_id, state.agent_runs))
            return await frames.serialize(services.offload, make, state, [*dict.fromkeys(patterns)])

        return await self._call.cached(f"{make.__name__} {state.id} {self._multi_run.changes}", serialize)

    async def _keep_checking(self) -> None:
        try:
            while True:
                await self._sleep(CHECK_INTERVAL)
                await self._check()
        except Problem as problem:
            self._subscriber.disconnect(frames.REFUSALS.get(problem.status, CloseCode.NOT_VISIBLE))


class MultiRunStatusManager:
    """Forwards the states of `bot.web.api.multi_run_work`; upstream only tokens are checked."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def join(self, call: AnyRequest, subscriber: Subscriber, *, resume_at: int | None) -> MultiRunCursor:  # noqa: ARG002 - like the other manager
        """Subscribes to the multi-run in the path.

        :raises Problem: if the organization has no multi-run with that id
        """
        multi_run, org_id = await multi_run_of(call), call.org_id
        return MultiRunCursor(call, subscriber, multi_run, lambda: self._callers.check_access(call.caller, org_id))

    def leave(self, cursor: MultiRunCursor) -> None:
        cursor.close()
