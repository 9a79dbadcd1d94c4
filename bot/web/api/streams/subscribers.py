"""The subscribers of this server's streams: their number is limited per token, and all are disconnected on shutdown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Protocol

from bot import log
from bot.web.api.streams.frames import CloseCode, Frame
from bot.web.problems import Problem

_log = log.get(__name__)

SEND_TIMEOUT = 20.0
"""Seconds that a subscriber has to accept a frame once the connection's buffer is full."""

LAST_SEND_TIMEOUT = 1.0
"""The same for a subscriber that is being disconnected."""

HEARTBEAT = 15.0
"""Seconds of silence after which a heartbeat is sent."""

MOST_PER_TOKEN = 2_000

SHUTDOWN_TIMEOUT = 3.0
"""Seconds for all of them together to disconnect on shutdown."""


class Transport(Protocol):
    """An open connection to a subscriber."""

    async def send(self, frame: Frame) -> None:
        """Returns once the buffer has space for more; raises ConnectionError if the connection is lost."""

    async def send_heartbeat(self) -> None:
        """Does nothing if the transport sends them by itself."""

    async def close(self, code: CloseCode) -> None:
        """Sends the reason, and gives the client a little time to receive it."""


class Cursor(Protocol):
    """A subscriber's position in what it follows."""

    @property
    def has_ended(self) -> bool:
        """Whether what it follows has ended, as far as known."""

    async def next(self) -> Sequence[Frame]:
        """The next frames; empty if there is nothing new."""


class Subscriber:
    """One connection.

    :ivar wake: set when there may be new frames
    :ivar last: the close code with the last frames, once it is being disconnected
    """

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.last: tuple[CloseCode, Sequence[Frame]] | None = None
        self.has_left = False

    def disconnect(self, code: CloseCode, *last: Frame) -> None:
        """Closes the stream; from now on only the last frames are sent."""
        if self.last is None:
            self.last = code, last
            self.wake.set()

    def leave(self) -> None:
        """The client has disconnected."""
        self.has_left = True
        self.wake.set()


class Subscribers:
    """:param most: subscribers per token"""

    def __init__(self, *, most: int = MOST_PER_TOKEN) -> None:
        self._most = most
        self._present: dict[Subscriber, asyncio.Task[None] | None] = {}
        self._counts: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._is_closed = False

    @contextmanager
    def enter(self, key: str) -> Iterator[Subscriber]:
        """Counts a subscriber while the context lasts, even before it has been authorized.

        :param key: the token's digest
        :raises Problem: 429 if the token has too many, 503 during shutdown
        """
        if self._is_closed:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping.", headers={"Retry-After": "5"})
        if self._counts[key] >= self._most:
            detail = f"{self._most} streams at once is the limit per token."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": "30"})
        subscriber = Subscriber()
        self._present[subscriber] = asyncio.current_task()
        self._counts[key] += 1
        try:
            yield subscriber
        finally:
            del self._present[subscriber]
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
            if not self._present:
                self._empty.set()

    def __len__(self) -> int:
        return len(self._present)

    async def close(self, *, timeout: float = SHUTDOWN_TIMEOUT) -> None:  # noqa: ASYNC109 - then it cancels
        """Closes all streams; those still open after the timeout are cancelled."""
        self._is_closed = True
        self._empty.clear()
        for subscriber in [*self._present]:
            subscriber.disconnect(CloseCode.RESTART)
        if not self._present:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._empty.wait()
        except TimeoutError:
            for task in self._present.values():
                if task is not None:
                    task.cancel()


async def deliver(
    subscriber: Subscriber,
    cursor: Cursor,
    transport: Transport,
    *,
    send_timeout: float = SEND_TIMEOUT,
    heartbeat: float = HEARTBEAT,
) -> None:
    """Sends all frames until the client disconnects or is disconnected."""
    try:
        while not subscriber.has_left:
            subscriber.wake.clear()
            frames = await cursor.next() if subscriber.last is None else ()
            if subscriber.last is not None:
                code, last = subscriber.last
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_SEND_TIMEOUT):
                        for frame in last:
                            await transport.send(frame)
                await transport.close(code)
                return
            if frames:
                await _send(subscriber, transport, frames, send_timeout)
                # A subscriber with a long log to catch up on must not block the others.
                await asyncio.sleep(0)
            elif not await _is_woken(subscriber, heartbeat):
                await transport.send_heartbeat()
    except ConnectionError:
        subscriber.leave()


async def _send(subscriber: Subscriber, transport: Transport, frames: Sequence[Frame], seconds: float) -> None:
    """Sends frames until the subscriber is disconnected; one that is not accepted in time ends the stream."""
    try:
        for frame in frames:
            if subscriber.last is not None:
                return
            async with asyncio.timeout(seconds):
                await transport.send(frame)
    except TimeoutError:
        _log.info("stream.subscriber_too_slow")
        subscriber.disconnect(CloseCode.TOO_SLOW)


async def _is_woken(subscriber: Subscriber, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await subscriber.wake.wait()
    except TimeoutError:
        return False
    return True
