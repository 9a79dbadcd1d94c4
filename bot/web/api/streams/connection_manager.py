"""Tracks which subscribers follow which run's log."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from bot.codegen.models import AgentRun
from bot.errors import ErrorKind, UpstreamError
from bot.web.api.endpoint import AnyRequest
from bot.web.api.models import LogsStreamQuery
from bot.web.api.runs import run_alone
from bot.web.api.streams.run_reader import LogCursor, RunReader
from bot.web.api.streams.subscribers import Subscriber
from bot.web.problems import Problem

FLOOR = 2.0
"""Minimum seconds between two polls of a log, whatever interval subscribers request."""

CACHE_TTL = 30.0
"""Seconds for which a run's log is cached after the last subscriber has left: they may reconnect."""

END_TTL = 10.0
"""Seconds for which a run's end is trusted; after that a new subscriber has it read again."""

TOKEN_TTL = 60.0
"""Seconds for which a token that Codegen has accepted is trusted without another request."""

MEMORY = 64 * 1024 * 1024
"""Bytes of cached logs, of all readers together."""

MOST_READERS = 1_000

_Key = tuple[str, int, int]
"""The token's digest, the organization, the run."""


class ConnectionManager:
    """The readers of all runs that have subscribers, one for each run and token.

    :param floor: minimum seconds between two polls
    """

    def __init__(
        self,
        *,
        floor: float = FLOOR,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._floor = floor
        self._clock = clock
        self._sleep = sleep
        self._readers: dict[_Key, RunReader] = {}

    async def join(self, call: AnyRequest, subscriber: Subscriber, *, resume_at: int | None) -> LogCursor:
        """Subscribes to the run in the path if the caller's token may read it.

        :param resume_at: index of the first entry to send, if not the one in the query
        :raises Problem: if this token sees no such run, whether or not the run exists
        """
        query: LogsStreamQuery = call.query
        index = query.start if resume_at is None else resume_at
        key = (call.caller.key, call.org_id, call.run_id)
        reader = self._usable(key)
        if reader is None or reader.is_done or self._clock() - reader.confirmed_at >= TOKEN_TTL:
            run = await _readable_run(call)
            # Another subscriber may have created it while the run was read.
            reader = self._usable(key)
            if reader is None or (reader.is_done and run != reader.run):
                reader = self._open(call, run, index)
        cursor = LogCursor(subscriber, reader, index=index, poll_interval=query.poll_interval)
        reader.enter(cursor)
        return cursor

    def leave(self, cursor: LogCursor) -> None:
        reader = cursor.reader
        reader.leave(cursor)
        if not reader.cursors:
            loop = asyncio.get_running_loop()
            reader.expiry = loop.call_later(CACHE_TTL, self._expire, reader, context=contextvars.Context())

    async def aclose(self) -> None:
        for reader in self._readers.values():
            if reader.expiry is not None:
                reader.expiry.cancel()
        await asyncio.gather(*(reader.aclose() for reader in self._readers.values()))

    def _usable(self, key: _Key) -> RunReader | None:
        """The run's reader, unless it has failed or the run's end was seen too long ago to be trusted."""
        reader = self._readers.get(key)
        if reader is None or reader.failure is not None:
            return None
        return reader if reader.end is None or self._clock() - reader.ended_at < END_TTL else None

    def _open(self, call: AnyRequest, run: AgentRun, start: int) -> RunReader:
        """A new reader; one that it replaces has ended, and serves its subscribers until they leave."""
        if len(self._readers) >= MOST_READERS:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "Too many runs are streamed.", headers={"Retry-After": "60"})
        reader = RunReader(
            call,
            run,
            start=start,
            floor=self._floor,
            memory=lambda: MEMORY // max(1, len(self._readers)),
            clock=self._clock,
            sleep=self._sleep,
        )
        self._readers[reader.key] = reader
        for each in self._readers.values():
            each.shrink()
        return reader

    def _expire(self, reader: RunReader) -> None:
        if self._readers.get(reader.key) is reader:
            del self._readers[reader.key]
        reader.stop()


async def _readable_run(call: AnyRequest) -> AgentRun:
    """The run, read with the caller's own token.

    :raises Problem: 404 both if it does not exist and if it may not be seen
    """
    try:
        return await run_alone(call)
    except UpstreamError as error:
        if error.kind in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
            raise Problem(HTTPStatus.NOT_FOUND, f"This token sees no run {call.run_id} there.") from None
        raise
