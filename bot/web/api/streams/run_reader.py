"""Reads one run from Codegen for all subscribers with the same token."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from bot import log
from bot.codegen.log_follower import Part, follow_parts
from bot.codegen.models import PAGE_SIZE, AgentRun, LogPage
from bot.errors import ErrorKind, UpstreamError
from bot.execution.failures import describe
from bot.text.redaction.redact import redact
from bot.upstream import outage_delay, retried
from bot.web.api.endpoint import AnyRequest
from bot.web.api.streams import frames
from bot.web.api.streams.frames import CloseCode, Frame
from bot.web.api.streams.subscribers import Subscriber

T = TypeVar("T")

_log = log.get(__name__)

BATCH = 100
"""Entries sent to a subscriber at once."""

_REFUSALS = {
    ErrorKind.UNAUTHORIZED: CloseCode.TOKEN_REFUSED,
    ErrorKind.FORBIDDEN: CloseCode.NOT_VISIBLE,
    ErrorKind.NOT_FOUND: CloseCode.NOT_VISIBLE,
}


class Entries:
    """The newest entries of a log, serialized.

    :param start: index of the first one
    """

    def __init__(self, start: int) -> None:
        self.first = start
        self.size = 0
        self._cached: list[bytes] = []

    @property
    def end(self) -> int:
        return self.first + len(self._cached)

    def add(self, entries: Sequence[bytes]) -> None:
        self._cached += entries
        self.size += sum(map(len, entries))

    def shrink(self, limit: int) -> None:
        """Drops the oldest entries until at most `limit` bytes are left; the newest one always stays."""
        count = 0
        while self.size > limit and count < len(self._cached) - 1:
            self.size -= len(self._cached[count])
            count += 1
        del self._cached[:count]
        self.first += count

    def after(self, index: int) -> Sequence[bytes]:
        """The next entries from `index` on, which must not be before the first."""
        index -= self.first
        return self._cached[index : index + BATCH]


class RunReader:
    """Polls a run while it has subscribers, and pauses while it has none.

    :param call: the first subscriber's request; all others have the same token
    :param run: as that request read it
    :param start: index in the log where the first subscriber starts
    :param floor: minimum seconds between two polls
    :param memory: bytes of the log that may be cached
    :ivar notices: the newest frame of each kind: a slow subscriber gets the last state, not all of them; the status
        comes first
    :ivar end: the last frame, once the run has ended and its log has been read
    :ivar failure: why the reader has given up: the close code and the last frames
    :ivar confirmed_at: when Codegen last accepted the token
    """

    def __init__(
        self,
        call: AnyRequest,
        run: AgentRun,
        *,
        start: int,
        floor: float,
        memory: Callable[[], int],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.key = (call.caller.key, call.org_id, call.run_id)
        self.run = run
        self.entries = Entries(start - start % PAGE_SIZE)
        self.cursors: set[LogCursor] = set()
        self.notices: dict[str, Frame] = {}
        self.end: Frame | None = None
        self.ended_at = float("-inf")
        self.failure: tuple[CloseCode, Sequence[Frame]] | None = None
        self.confirmed_at = clock()
        self.expiry: asyncio.TimerHandle | None = None
        self._codegen = call.codegen
        self._services = call.services
        self._status = run.status
        self._floor = floor
        self._memory = memory
        self._clock = clock
        self._sleep = sleep
        self._has_cursors = asyncio.Event()
        # In its own context: its log lines belong to no single request.
        self._task = asyncio.create_task(self._read(), name=f"run-reader-{run.id}", context=contextvars.Context())

    @property
    def is_done(self) -> bool:
        return self.end is not None or self.failure is not None

    def enter(self, cursor: LogCursor) -> None:
        self.cursors.add(cursor)
        self._has_cursors.set()
        if self.expiry is not None:
            self.expiry.cancel()

    def leave(self, cursor: LogCursor) -> None:
        self.cursors.discard(cursor)
        if not self.cursors:
            self._has_cursors.clear()

    def shrink(self) -> None:
        self.entries.shrink(self._memory())

    def stop(self) -> None:
        self._task.cancel()

    async def aclose(self) -> None:
        self.stop()
        await asyncio.gather(self._task, return_exceptions=True)

    async def older_entries(self, index: int) -> Sequence[bytes]:
        """Entries from `index` on that are no longer cached, or precede the start: one request for all who need the
        same page.

        :raises UpstreamError: if the request to Codegen fails
        """
        start = index - index % PAGE_SIZE
        end = min(start + PAGE_SIZE, self.entries.first)

        async def read() -> Sequence[bytes]:
            return await self._serialized(await self._page(start), start)

        page = await self._services.cache.get((*self.key[:2], f"log {self.run.id} {start} {end}"), read)
        return page[index - start :]

    async def _read(self) -> None:
        try:
            self.notices["status"] = await self._status_frame()
            self._wake_all()
            while not (await self._follow() and await self._has_ended()):
                pass
        except UpstreamError as error:
            self.failure = failure_of(error)
        except Exception:  # noqa: BLE001 - logged, and reported to all subscribers
            _log.exception("stream.failed", run=self.run.id)
            code = CloseCode.BROKEN
            self.failure = code, [frames.error(code.sentence, code)]
        self._wake_all()

    async def _follow(self) -> bool:
        """Reads to the log's end; False if the log is shorter than where the first subscriber wants to start."""
        async for part in follow_parts(self._next_page, start=self.entries.end, wait=self._rest):
            if part.page.logs:
                self.entries.add(await self._serialized(part.page, part.position))
                self.shrink()
            elif part.position > (part.page.total_logs or 0):
                # The subscriber claimed more entries than exist; it is sent those that follow the existing ones.
                total = part.page.total_logs or 0
                self.entries = Entries(total - total % PAGE_SIZE)
                return False
            if part.page.status != self._status:
                self._status = part.page.status
                await self._read_run()
            self._wake_all()
        return True

    async def _has_ended(self) -> bool:
        """Whether the run is really finished: it may have been given a follow-up in the meantime."""
        await self._read_run()
        if self.run.finished:
            make = partial(frames.end, entries=self.entries.end)
            self.end = await frames.serialize(self._services.offload, make, self.run, await self._patterns())
            self.ended_at = self._clock()
        return self.run.finished

    async def _read_run(self) -> None:
        self.run = await self._request(lambda: self._codegen.run(self.run.id))
        frame = await self._status_frame()
        if frame != self.notices["status"]:
            self.notices["status"] = frame

    async def _status_frame(self) -> Frame:
        return await frames.serialize(self._services.offload, frames.status, self.run, await self._patterns())

    async def _next_page(self, start: int) -> LogPage:
        return await self._request(lambda: self._page(start))

    async def _page(self, start: int) -> LogPage:
        return await self._codegen.logs_page(self.run.id, skip=start, limit=PAGE_SIZE)

    async def _serialized(self, page: LogPage, start: int) -> list[bytes]:
        return await frames.serialize_entries(self._services.offload, page.logs, await self._patterns(), start=start)

    async def _patterns(self) -> Sequence[str]:
        return await self._services.patterns.for_run(self.key[1], self.run)

    async def _request(self, send: Callable[[], Awaitable[T]]) -> T:
        """Sends a request until it succeeds; not while there are no subscribers.

        :raises UpstreamError: if Codegen stays unavailable, or rejects the request
        """

        async def attempt() -> T:
            await self._has_cursors.wait()
            return await send()

        def on_retry(error: UpstreamError, seconds: float) -> None:
            _log.warning("stream.codegen_unavailable", run=self.run.id, seconds=seconds, reason=str(error))
            self.notices["error"] = frames.error(f"Codegen does not respond; next attempt in {seconds:.0f} seconds.")
            self._wake_all()

        response = await retried(attempt, delay=outage_delay, sleep=self._sleep, on_retry=on_retry)
        self.confirmed_at = self._clock()
        self.notices.pop("error", None)
        return response

    async def _rest(self, _part: Part) -> None:
        """Waits for the shortest interval that a subscriber requests, in steps: a new one may shorten the wait."""
        waited = 0.0
        while waited < min((each.poll_interval for each in self.cursors), default=self._floor):
            await self._sleep(self._floor)
            waited += self._floor

    def _wake_all(self) -> None:
        for cursor in self.cursors:
            cursor.subscriber.wake.set()


class LogCursor:
    """A subscriber's position in a run's log. Implements `bot.web.api.streams.subscribers.Cursor`.

    :param index: of the next entry
    """

    def __init__(self, subscriber: Subscriber, reader: RunReader, *, index: int, poll_interval: float) -> None:
        self.reader = reader
        self.subscriber = subscriber
        self.poll_interval = poll_interval
        self._index = index
        self._sent: dict[str, Frame] = {}
        self._is_end_sent = False

    @property
    def has_ended(self) -> bool:
        return self.reader.run.finished

    async def next(self) -> Sequence[Frame]:
        reader = self.reader
        if not reader.notices and reader.failure is None:
            # The run's status comes first.
            return []
        found = [frame for kind, frame in reader.notices.items() if self._sent.get(kind) is not frame]
        self._sent |= reader.notices
        is_older = self._index < reader.entries.first
        entries = await self._older_entries() if is_older else reader.entries.after(self._index)
        found += [frames.log(index, entry) for index, entry in enumerate(entries, self._index)]
        self._index += len(entries)
        if found:
            return found
        if reader.failure is not None:
            code, last = reader.failure
            self.subscriber.disconnect(code, *last)
        elif reader.end is not None and not self._is_end_sent:
            self._is_end_sent = True
            return [reader.end]
        elif self._is_end_sent:
            self.subscriber.disconnect(CloseCode.ENDED)
        return []

    async def _older_entries(self) -> Sequence[bytes]:
        try:
            return await self.reader.older_entries(self._index)
        except UpstreamError as error:
            code, last = failure_of(error)
            self.subscriber.disconnect(code, *last)
            return ()


def failure_of(error: UpstreamError) -> tuple[CloseCode, Sequence[Frame]]:
    """The close code for an error of Codegen that is not retried, and the last frames."""
    if error.kind in _REFUSALS:
        return _REFUSALS[error.kind], ()
    code = CloseCode.UPSTREAM_FAILED
    return code, [frames.error(redact(describe(error)), code)]
