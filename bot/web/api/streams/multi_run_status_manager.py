"""Tracks which subscribers follow which multi-run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain

from bot.codegen.models import AgentRun
from bot.web.api.authentication import Callers
from bot.web.api.endpoint import ApiRequest
from bot.web.api.models import MultiRunResponse
from bot.web.api.multi_run_work import MultiRunAtWork
from bot.web.api.multi_runs import multi_run_of
from bot.web.api.streams import frames
from bot.web.api.streams.authorization import Authorization
from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.frames import Frame
from bot.web.api.streams.subscriber import Subscriber
from bot.web.api.streams.writing import FrameWriter


class _Written:
    """The frame of the newest state, serialized once."""

    def __init__(self, write: Callable[[MultiRunResponse], Awaitable[Frame]]) -> None:
        self._write = write
        self._turn = asyncio.Lock()
        self._known: tuple[MultiRunResponse, Frame] | None = None

    async def of(self, state: MultiRunResponse) -> Frame:
        async with self._turn:
            if self._known is None or self._known[0] is not state:
                self._known = state, await self._write(state)
            return self._known[1]


Patterns = Callable[[Sequence[AgentRun]], Awaitable[Sequence[Sequence[str]]]]
"""Returns the secret patterns for redacting each run's texts."""


class _Audience:
    """The subscribers of one multi-run, with its last state, serialized once for all of them."""

    def __init__(self, at_work: MultiRunAtWork, writer: FrameWriter, patterns: Patterns) -> None:
        self.at_work = at_work
        self._patterns = patterns
        self.standings: dict[str, Authorization] = {}
        self._status = _Written(partial(self._written, writer.multi_run_status))
        self._end = _Written(partial(self._written, writer.multi_run_end))

    async def status(self) -> Frame:
        return await self._status.of(self.at_work.state)

    async def end(self) -> Frame:
        return await self._end.of(self.at_work.state)

    async def _written(
        self, write: Callable[[MultiRunResponse, Sequence[str]], Awaitable[Frame]], state: MultiRunResponse
    ) -> Frame:
        each = await self._patterns(state.agent_runs)
        return await write(state, [*dict.fromkeys(chain.from_iterable(each))])

    @property
    def has_ended(self) -> bool:
        return self.at_work.state.status != "running"

    @property
    def is_broken(self) -> bool:
        """Whether it has not ended but is no longer being executed."""
        return self.at_work.is_broken

    def tell(self, *_: object) -> None:
        for standing in self.standings.values():
            for subscriber in standing.subscribers:
                subscriber.wake.set()


class MultiRunFollowing:
    """Implements `bot.web.api.streams.subscriber.RunWaiter`: a slow subscriber gets the newest state, not all of
    them.
    """

    def __init__(self, subscriber: Subscriber, audience: _Audience, standing: Authorization) -> None:
        self.subscriber = subscriber
        self.audience = audience
        self.standing = standing
        self._sent: Frame | None = None
        self._has_heard_end = False

    def look(self) -> None:
        self.standing.look()

    async def news(self) -> Sequence[Frame]:
        # The last state arrives twice: when it is reported, and again when it has been stored.
        if self._has_heard_end:
            self.subscriber.dismiss(CloseCode.ENDED)
        elif (frame := await self.audience.status()) != self._sent:
            self._sent = frame
            return [frame]
        elif self.audience.has_ended:
            self._has_heard_end = True
            return [await self.audience.end()]
        elif self.audience.is_broken:
            code = CloseCode.BROKEN
            self.subscriber.dismiss(code, frames.error(code.sentence, code))
        return []


class MultiRunStatusManager:
    """Forwards the states that `bot.web.api.multi_runs` reports, without upstream requests of its own."""

    def __init__(self, callers: Callers, writer: FrameWriter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._callers = callers
        self._writer = writer
        self._clock = clock
        self._audiences: dict[MultiRunAtWork, _Audience] = {}

    async def join(self, call: ApiRequest, subscriber: Subscriber) -> MultiRunFollowing:
        """Subscribes to the multi-run in the path.

        :raises Problem: if the organization has no multi-run with that id
        """
        at_work = await multi_run_of(call)
        audience = self._audiences.get(at_work)
        if audience is None:
            audience = self._audiences[at_work] = _Audience(
                at_work, self._writer, partial(call.services.patterns.of_each, call.org_id)
            )
            at_work.changed.append(audience.tell)
            if at_work.task is not None:
                at_work.task.add_done_callback(audience.tell)
        caller, org_id = call.caller, call.org_id
        standing = audience.standings.get(caller.key)
        if standing is None:
            standing = audience.standings[caller.key] = Authorization(
                caller.key, lambda: self._callers.still_sees(caller, org_id), clock=self._clock
            )
        standing.subscribers.add(subscriber)
        return MultiRunFollowing(subscriber, audience, standing)

    def leave(self, following: MultiRunFollowing) -> None:
        audience, standing = following.audience, following.standing
        standing.subscribers.discard(following.subscriber)
        if not standing.subscribers:
            standing.drop()
            audience.standings.pop(standing.key, None)
        if not audience.standings and self._audiences.pop(audience.at_work, None) is not None:
            audience.at_work.changed.remove(audience.tell)
            if audience.at_work.task is not None:
                audience.at_work.task.remove_done_callback(audience.tell)
