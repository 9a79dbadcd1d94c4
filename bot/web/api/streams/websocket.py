"""The wire as a WebSocket (RFC 6455)."""

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
"""Seconds between two pings; whoever does not answer half as long after one has gone."""

LINGER = 5.0
"""Seconds that the other side has to take what was sent and to answer a close, before the line is cut."""

ROOM = 16 * 1024
"""Bytes that may wait in this process for one listener, besides the frame that goes over it."""

_NEVER = sys.maxsize
"""Bytes after which the library itself waits for room: `WebSocketWire.send` does."""

LONGEST_WORD = 4 * 1024
"""Bytes of one message from a listener, who has nothing to say."""


class WebSocketWire:
    """`bot.web.api.streams.subscriber.Wire`, opened by `open_websocket`."""

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
        """Pings are the library's."""

    async def close(self, code: CloseCode) -> None:
        await self.hang_up()
        # Not drained: behind a full connection the code is sent as soon as there is room, or never.
        try:
            await self._socket.close(code=code, message=code.sentence.encode(), drain=False)
        finally:
            if (transport := self._request.transport) is not None and transport.get_write_buffer_size():
                transport.abort()

    async def hang_up(self) -> None:
        """Stops hearing the other side."""
        self._hearing.cancel()
        await asyncio.gather(self._hearing, return_exceptions=True)


async def open_websocket(
    request: web.Request, subscriber: Subscriber, *, heartbeat: float = HEARTBEAT
) -> tuple[web.WebSocketResponse, WebSocketWire]:
    """Answers the upgrade, and notices when the listener goes.

    Without compression: its state would take a quarter of a megabyte for each listener, and the work is done anew for
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
