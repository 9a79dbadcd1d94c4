"""Tracks which subscribers follow which run."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from bot.codegen.models import AgentRun
from bot.errors import ErrorKind, UpstreamError
from bot.handlers.run_patterns import RunPatterns
from bot.replies.failures import sentence
from bot.web.api.authentication import Callers
from bot.web.api.endpoint import ApiRequest
from bot.web.api.runs import run_alone
from bot.web.api.streams import frames
from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.frames import Frame
from bot.web.api.streams.run_reader import RunReader
from bot.web.api.streams.subscriber import Subscriber
from bot.web.api.streams.token_pool import GoneError, PooledToken
from bot.web.api.streams.writing import FrameWriter
from bot.web.problems import Problem

FLOOR = 2.0
"""Minimum seconds between two polls of a log, whatever interval subscribers request."""

KEPT = 30.0
"""Seconds for which a run's log is cached after the last subscriber has left: they may reconnect."""

END_BELIEVED = 10.0
"""Seconds for which a run's end is trusted; after that a new subscriber has it read again."""

MEMORY = 64 * 1024 * 1024
"""Bytes of cached logs, of all runs together."""

MOST_RUNS = 1_000


class RunFollowing:
    """A subscriber's cursor in a run's log. Implements `bot.web.api.streams.subscriber.RunWaiter`.

    :param place: index of the next entry
    """

    def __init__(
        self, subscriber: Subscriber, reader: RunReader, pooled: PooledToken, *, place: int, poll_interval: float
    ) -> None:
        self.reader = reader
        self.pooled = pooled
        self.subscriber = subscriber
        self.poll_interval = poll_interval
        self._place = place
        self._sent: dict[str, Frame] = {}
        self._has_heard_end = False

    def look(self) -> None:
        self.pooled.look()

    async def news(self) -> Sequence[Frame]:
        reader = self.reader
        if not reader.notices and reader.failure is None:
            # The run's status comes first.
            return []
        told = [frame for kind, frame in reader.notices.items() if self._sent.get(kind) is not frame]
        self._sent |= reader.notices
        written = await self._older() if self._place < reader.entries.first else reader.entries.after(self._place)
        told += [frames.log(place, each) for place, each in enumerate(written, self._place)]
        self._place += len(written)
        if told:
            return told
        if reader.failure is not None:
            code, frame = reader.failure
            self.subscriber.dismiss(code, frame)
        elif reader.end is not None and not self._has_heard_end:
            self._has_heard_end = True
            return [reader.end]
        elif self._has_heard_end:
            self.subscriber.dismiss(CloseCode.ENDED)
        return []

    async def _older(self) -> Sequence[bytes]:
        """Entries that were dropped from the reader's memory, or precede its start."""
        try:
            async with asyncio.timeout(None) as self.subscriber.deadline:
                return await self.reader.older.after(
                    self._place, lambda start: self.reader.older_page(self.pooled, start)
                )
        except UpstreamError as error:
            code = CloseCode.UPSTREAM_FAILED
            self.subscriber.dismiss(code, frames.error(sentence(error), code))
        except (GoneError, TimeoutError):
            # The subscriber was dismissed meanwhile.
            pass
        finally:
            self.subscriber.deadline = None
        return ()


@dataclass(eq=False, slots=True)
class _Audience:
    """The subscribers of one reader.

    :param expiry: closes the reader once it has had no subscriber for a while
    """

    followings: set[RunFollowing] = field(default_factory=set)
    expiry: asyncio.TimerHandle | None = None


class ConnectionManager:
    """The readers of all runs that have subscribers.

    :param writer: serializes what is sent
    :param floor: minimum seconds between two polls
    :param cache: seconds for which a run's log is kept after its last subscriber has left
    :param memory: bytes of logs, of all runs together
    """

    def __init__(
        self,
        callers: Callers,
        writer: FrameWriter,
        *,
        floor: float = FLOOR,
        cache: float = KEPT,
        memory: int = MEMORY,
        most_runs: int = MOST_RUNS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._callers = callers
        self._writer = writer
        self._floor = floor
        self._kept = cache
        self._memory = memory
        self._most_runs = most_runs
        self._clock = clock
        self._sleep = sleep
        self._readers: dict[tuple[int, int], RunReader] = {}
        self._audiences: dict[RunReader, _Audience] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def join(self, call: ApiRequest, subscriber: Subscriber, *, place: int, poll_interval: float) -> RunFollowing:
        """Subscribes to the run in the path if the caller's token may read it.

        :param place: index of the first entry to send
        :raises Problem: if this token sees no such run, whether or not the run exists
        """
        where = (call.org_id, call.run_id)
        reader = self._usable(where)
        pooled = reader.pooled_tokens.get(call.caller.key) if reader else None
        if reader is None or pooled is None or not pooled.is_believed or reader.is_done:
            run = await _readable_run(call)
            # Another subscriber may have created it while the run was read.
            reader = self._usable(where)
            if reader is None or (reader.is_done and run != reader.run):
                reader = self._open(where, run, place, patterns=call.services.patterns)
        return self._enter(call, subscriber, reader, place=place, poll_interval=poll_interval)

    def leave(self, following: RunFollowing) -> None:
        reader, pooled = following.reader, following.pooled
        pooled.subscribers.discard(following.subscriber)
        if not pooled.subscribers:
            if reader.pooled_tokens.get(pooled.key) is pooled:
                del reader.pooled_tokens[pooled.key]
            pooled.drop()
        reader.rouse()
        audience = self._audiences.get(reader)
        if audience is not None:
            audience.followings.discard(following)
            if not audience.followings:
                loop = asyncio.get_running_loop()
                audience.expiry = loop.call_later(self._kept, self._close, reader, context=contextvars.Context())

    async def aclose(self) -> None:
        for reader in [*self._audiences]:
            self._close(reader)
        await asyncio.gather(*self._closing)

    def _usable(self, where: tuple[int, int]) -> RunReader | None:
        """The run's reader, unless it has failed or the run's end was seen too long ago to be trusted."""
        reader = self._readers.get(where)
        if reader is None or reader.failure is not None:
            return None
        return reader if reader.end is None or self._clock() - reader.ended_at < END_BELIEVED else None

    def _open(self, where: tuple[int, int], run: AgentRun, place: int, *, patterns: RunPatterns) -> RunReader:
        if len(self._audiences) >= self._most_runs:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "Too many runs are streamed.", headers={"Retry-After": "60"})
        former = self._readers.get(where)
        if former is not None and not self._audiences[former].followings:
            self._close(former)
        reader = RunReader(
            run,
            start=place,
            writer=self._writer,
            patterns=partial(patterns.of, where[0]),
            interval=self._interval,
            room=self._room,
            clock=self._clock,
            sleep=self._sleep,
        )
        self._readers[where] = reader
        self._audiences[reader] = _Audience()
        for each in self._audiences:
            each.shrink()
        return reader

    def _enter(
        self, call: ApiRequest, subscriber: Subscriber, reader: RunReader, *, place: int, poll_interval: float
    ) -> RunFollowing:
        caller, org_id = call.caller, call.org_id
        pooled = reader.pooled_tokens.get(caller.key)
        if pooled is None:
            pooled = reader.pooled_tokens[caller.key] = PooledToken(
                caller.key,
                caller.access.codegen(org_id),
                lambda: self._callers.still_sees(caller, org_id),
                clock=self._clock,
            )
        pooled.subscribers.add(subscriber)
        following = RunFollowing(subscriber, reader, pooled, place=place, poll_interval=poll_interval)
        audience = self._audiences[reader]
        audience.followings.add(following)
        if audience.expiry is not None:
            audience.expiry.cancel()
            audience.expiry = None
        reader.rouse()
        return following

    def _room(self) -> int:
        """Bytes for each run; half of them for older pages that are read again."""
        return self._memory // (2 * max(1, len(self._audiences)))

    def _interval(self, reader: RunReader) -> float:
        """The shortest interval that a subscriber requested, but not below the floor."""
        audience = self._audiences.get(reader)
        followings = audience.followings if audience else ()
        wanted = min((each.poll_interval for each in followings), default=self._floor)
        return max(wanted, self._floor)

    def _close(self, reader: RunReader) -> None:
        audience = self._audiences.pop(reader, None)
        if audience is not None and audience.expiry is not None:
            audience.expiry.cancel()
        for where in [each for each, known in self._readers.items() if known is reader]:
            del self._readers[where]
        task = asyncio.create_task(reader.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _readable_run(call: ApiRequest) -> AgentRun:
    """The run, read with the caller's own token.

    :raises Problem: 404 both if it does not exist and if it may not be seen
    """
    try:
        return await run_alone(call)
    except UpstreamError as error:
        if error.kind in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
            raise Problem(HTTPStatus.NOT_FOUND, f"This token sees no run {call.run_id} there.") from None
        raise
