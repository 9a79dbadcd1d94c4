"""Somebody who listens, and how they are told: what is new, as fast as they take it, until their end."""

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
"""Seconds in which a listener has to take a frame when those before it fill the connection."""

HURRY = 1.0
"""The same for one who is sent away meanwhile."""

HEARTBEAT = 15.0
"""Seconds of silence after which a listener is shown that the line is up."""


class Wire(Protocol):
    """A connection that has been opened."""

    async def send(self, frame: Frame) -> None:
        """Returns when there is room for more; raises ConnectionError where nobody is there any more."""

    async def beat(self) -> None:
        """Shows that the line is up, where it does not do so by itself."""

    async def close(self, code: CloseCode) -> None:
        """Says why, and gives the other side a little time to hear it."""


class RunWaiter(Protocol):
    """What a listener listens to, from where they are."""

    async def news(self) -> Sequence[Frame]:
        """What is next for them; nothing where they have heard all there is."""

    def look(self) -> None:
        """Has their right to listen asked for again, where that is due."""


@dataclass(frozen=True, slots=True)
class Farewell:
    code: CloseCode
    last_words: Sequence[Frame]


class Subscriber:
    """One connection."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        """Set when there may be something new."""
        self.farewell: Farewell | None = None
        self.deadline: asyncio.Timeout | None = None
        """Of what is being done for them and could take long."""
        self.has_left = False

    def dismiss(self, code: CloseCode, *last_words: Frame) -> None:
        """Ends their stream; nothing but the last words is told from now on."""
        if self.farewell is None:
            self.farewell = Farewell(code, last_words)
            self.wake.set()
            if self.deadline is not None:
                self.deadline.reschedule(asyncio.get_running_loop().time() + HURRY)

    def leave(self) -> None:
        """They have gone."""
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
    """Tells them everything, until they go or are sent away."""
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
                # Somebody with a long log to catch up on lets the others have their turn.
                await asyncio.sleep(0)
            elif not await _woken(subscriber, heartbeat):
                await wire.beat()
    except ConnectionError:
        subscriber.leave()


async def _send(
    subscriber: Subscriber, wire: Wire, frames: Sequence[Frame], patience: float, *, is_last: bool = False
) -> None:
    """Sends the frames; one that is not taken in time ends the stream."""
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
