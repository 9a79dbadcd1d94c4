"""One subscriber of a stream, and the loop that sends it new frames until the stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot import log
from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.frames import Frame

_log = log.get(__name__)

PATIENCE = 20.0
"""Seconds that a subscriber has to accept a frame once the connection's buffer is full."""

HURRY = 1.0
"""The same for a subscriber that is being disconnected."""

HEARTBEAT = 15.0
"""Seconds of silence after which a heartbeat is sent."""


class Wire(Protocol):
    """An open connection to a subscriber."""

    async def send(self, frame: Frame) -> None:
        """Returns once the buffer has space for more; raises ConnectionError if the connection is lost."""

    async def beat(self) -> None:
        """Sends a heartbeat, unless the transport does so by itself."""

    async def close(self, code: CloseCode) -> None:
        """Sends the reason, and gives the client a little time to receive it."""


class RunWaiter(Protocol):
    """A subscriber's cursor in what it follows."""

    async def news(self) -> Sequence[Frame]:
        """The next frames; empty if there is nothing new."""

    def look(self) -> None:
        """Starts a check of the subscriber's authorization if one is due."""


@dataclass(frozen=True, slots=True)
class Farewell:
    code: CloseCode
    last_words: Sequence[Frame]


class Subscriber:
    """One connection."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        """Set when there may be new frames."""
        self.farewell: Farewell | None = None
        self.deadline: asyncio.Timeout | None = None
        """The timeout of an operation for this subscriber that may take long."""
        self.has_left = False

    def dismiss(self, code: CloseCode, *last_words: Frame) -> None:
        """Closes the stream; from now on only the last frames are sent."""
        if self.farewell is None:
            self.farewell = Farewell(code, last_words)
            self.wake.set()
            if self.deadline is not None:
                self.deadline.reschedule(asyncio.get_running_loop().time() + HURRY)

    def leave(self) -> None:
        """The client has disconnected."""
        self.has_left = True
        self.wake.set()


async def tell(
    subscriber: Subscriber,
    following: RunWaiter,
    wire: Wire,
    *,
    patience: float = PATIENCE,
    heartbeat: float = HEARTBEAT,
) -> None:
    """Sends all frames until the client disconnects or is dismissed."""
    try:
        while not subscriber.has_left:
            subscriber.wake.clear()
            frames: Sequence[Frame] = ()
            if subscriber.farewell is None:
                following.look()
                frames = await following.news()
            if subscriber.farewell is not None and not frames:
                await _send(subscriber, wire, subscriber.farewell.last_words, patience, is_last=True)
                await wire.close(subscriber.farewell.code)
                return
            if frames:
                await _send(subscriber, wire, frames, patience)
                # A subscriber with a long log to catch up on must not block the others.
                await asyncio.sleep(0)
            elif not await _woken(subscriber, heartbeat):
                await wire.beat()
    except ConnectionError:
        subscriber.leave()


async def _send(
    subscriber: Subscriber, wire: Wire, frames: Sequence[Frame], patience: float, *, is_last: bool = False
) -> None:
    """Sends the frames; one that is not accepted in time ends the stream."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(HURRY if is_last else patience) as deadline:
            subscriber.deadline = None if is_last else deadline
            for frame in frames:
                if subscriber.farewell is not None and not is_last:
                    return
                await wire.send(frame)
                if not is_last:
                    deadline.reschedule(loop.time() + patience)
    except TimeoutError:
        subscriber.deadline = None
        if subscriber.farewell is None:
            _log.info("stream.subscriber_too_slow")
            subscriber.dismiss(CloseCode.TOO_SLOW)
    finally:
        subscriber.deadline = None


async def _woken(subscriber: Subscriber, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await subscriber.wake.wait()
    except TimeoutError:
        return False
    return True
