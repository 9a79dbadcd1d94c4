"""Transport over WebSockets (RFC 6455)."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.frames import Frame
from bot.web.api.streams.sse_framing import unbroken
from bot.web.api.streams.subscriber import Subscriber

HEARTBEAT = 20.0
"""Seconds between two pings; a client that does not answer one within half of that is disconnected."""

LINGER = 5.0
"""Seconds that the client has to receive what was sent and to answer a close, before the connection is aborted."""

ROOM = 16 * 1024
"""Bytes that may be buffered in this process for one subscriber, besides the frame that exceeds them."""

_NEVER = sys.maxsize
"""The buffer size from which aiohttp itself drains: disabled, as `WebSocketWire.send` does it."""

LONGEST_WORD = 4 * 1024
"""Maximum bytes of one message from a subscriber; none is expected."""


class WebSocketWire:
    """Implements `bot.web.api.streams.subscriber.Wire`; opened by `open_websocket`."""

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        writer: AbstractStreamWriter,
        hearing: asyncio.Task[None],
    ) -> None:
        self._request = request
        self._socket = socket
        self._writer = writer
        self._hearing = hearing

    async def send(self, frame: Frame) -> None:
        await self._socket.send_frame(frame.json, WSMsgType.TEXT)
        transport = self._request.transport
        if transport is not None and transport.get_write_buffer_size() > ROOM:
            await unbroken(self._writer.drain())

    async def beat(self) -> None:
        """Does nothing: aiohttp sends pings."""

    async def close(self, code: CloseCode) -> None:
        await self.hang_up()
        # Not drained: if the buffer is full, the code is sent as soon as there is space, or never.
        try:
            await self._socket.close(code=code, message=code.sentence.encode(), drain=False)
        finally:
            if (transport := self._request.transport) is not None and transport.get_write_buffer_size():
                transport.abort()

    async def hang_up(self) -> None:
        """Stops reading from the client."""
        self._hearing.cancel()
        await asyncio.gather(self._hearing, return_exceptions=True)


async def open_websocket(
    request: web.Request, subscriber: Subscriber, *, heartbeat: float = HEARTBEAT
) -> tuple[web.WebSocketResponse, WebSocketWire]:
    """Accepts the upgrade, and watches for the client to disconnect.

    Without compression: its state would take a quarter of a megabyte per subscriber, and the work would be repeated for
    each of them.
    """
    socket = web.WebSocketResponse(
        timeout=LINGER, heartbeat=heartbeat, compress=False, max_msg_size=LONGEST_WORD, writer_limit=_NEVER
    )
    writer = await socket.prepare(request)
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=ROOM)
    return socket, WebSocketWire(request, socket, writer, asyncio.create_task(_hear(socket, subscriber)))


async def _hear(socket: web.WebSocketResponse, subscriber: Subscriber) -> None:
    async for _ in socket:
        pass
    subscriber.leave()
