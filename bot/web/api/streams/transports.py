"""The transports of the streams: WebSockets (RFC 6455) and Server-Sent Events
(https://html.spec.whatwg.org/multipage/server-sent-events.html).

aiohttp-sse 3.0 would save only the two lines of `_ServerSentEvents.send`: its own timeout aborts a slow client without
the event that tells it to reconnect, and it formats text anew for each subscriber.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from bot.tasks import cancel_and_wait
from bot.web.api.streams import frames
from bot.web.api.streams.frames import AFTER_END, CloseCode, Frame
from bot.web.api.streams.subscribers import Subscriber, Transport
from bot.web.problems import Problem

SSE = "text/event-stream"

PING_INTERVAL = 20.0
"""Seconds between two pings; a client that does not answer one within half of that is disconnected."""

CLOSE_TIMEOUT = 5.0
"""Seconds that the client has to receive what was sent and to answer a close, before the connection is aborted."""

BUFFER_LIMIT = 16 * 1024
"""Bytes that may be buffered in this process for one subscriber, besides the frame that exceeds them."""

MESSAGE_LIMIT = 4 * 1024
"""Bytes of one message from a subscriber; none is expected."""

_NEVER = sys.maxsize
"""The buffer size from which aiohttp itself drains: disabled, as `_WebSocket.send` does it."""

_EVENT_ID = re.compile(rf"(\d{{1,12}})({re.escape(AFTER_END)})?")


@asynccontextmanager
async def open_transport(
    request: web.Request, subscriber: Subscriber
) -> AsyncIterator[tuple[web.StreamResponse, Transport]]:
    """Starts the response, as the client asks for it.

    :raises Problem: 426 if it asks for neither transport
    """
    if SSE in request.headers.get("Accept", "").lower():
        # Without the buffering of proxies.
        headers = {"Content-Type": SSE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        events = _ServerSentEvents(request, response, await _prepared(request, response))
        await events.send_heartbeat()
        yield response, events
        return
    # Without compression: its state would take a quarter of a megabyte per subscriber, and the work would be repeated
    # for each of them.
    socket = web.WebSocketResponse(
        timeout=CLOSE_TIMEOUT,
        heartbeat=PING_INTERVAL,
        compress=False,
        max_msg_size=MESSAGE_LIMIT,
        writer_limit=_NEVER,
    )
    if not socket.can_prepare(request):
        raise Problem(
            HTTPStatus.UPGRADE_REQUIRED,
            f"This is a stream: open it as a WebSocket, or ask with Accept: {SSE}.",
            headers={"Upgrade": "websocket"},
        )
    writer = await _prepared(request, socket)
    websocket = _WebSocket(request, socket, writer, asyncio.create_task(_watch(socket, subscriber)))
    try:
        yield socket, websocket
    finally:
        await websocket.stop_reading()


def last_event(request: web.Request) -> tuple[int | None, bool]:
    """Where a reconnecting browser resumes, and whether it has already received the end.

    :raises Problem: if the header is not an id of this stream
    """
    given = request.headers.get("Last-Event-ID")
    if not given:
        return None, False
    found = _EVENT_ID.fullmatch(given)
    if found is None:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Last-Event-ID is not an id of this stream.")
    return int(found[1]), found[2] is not None


async def _prepared(request: web.Request, response: web.StreamResponse) -> AbstractStreamWriter:
    writer = await response.prepare(request)
    assert writer is not None  # noqa: S101 - only a request that has been answered has none
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=BUFFER_LIMIT)
    return writer


class _ServerSentEvents:
    """Implements `Transport`."""

    def __init__(self, request: web.Request, response: web.StreamResponse, writer: AbstractStreamWriter) -> None:
        self._request = request
        self._response = response
        self._writer = writer

    async def send(self, frame: Frame) -> None:
        event_id = b"" if frame.event_id is None else b"id: %b\n" % frame.event_id.encode()
        await self._write(b"event: %b\n%bdata: %b\n\n" % (frame.type.encode(), event_id, frame.json))

    async def send_heartbeat(self) -> None:
        await self._write(b":\n\n")

    async def close(self, code: CloseCode) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.send(frames.close(code))
                await _uninterrupted(self._response.write_eof())
        except (TimeoutError, ConnectionError):
            pass
        finally:
            _abort_if_unsent(self._request)

    async def _write(self, text: bytes) -> None:
        await _uninterrupted(self._write_and_drain(text))

    async def _write_and_drain(self, text: bytes) -> None:
        await self._response.write(text)
        await self._writer.drain()


class _WebSocket:
    """Implements `Transport`; aiohttp sends the heartbeats.

    :param reading: watches for the client to disconnect
    """

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        writer: AbstractStreamWriter,
        reading: asyncio.Task[None],
    ) -> None:
        self._request = request
        self._socket = socket
        self._writer = writer
        self._reading = reading

    async def send(self, frame: Frame) -> None:
        await self._socket.send_frame(frame.json, WSMsgType.TEXT)
        transport = self._request.transport
        if transport is not None and transport.get_write_buffer_size() > BUFFER_LIMIT:
            await _uninterrupted(self._writer.drain())

    async def send_heartbeat(self) -> None: ...

    async def close(self, code: CloseCode) -> None:
        await self.stop_reading()
        # Not drained: if the buffer is full, the code is sent as soon as there is space, or never.
        try:
            await self._socket.close(code=code, message=code.sentence.encode(), drain=False)
        finally:
            _abort_if_unsent(self._request)

    async def stop_reading(self) -> None:
        await cancel_and_wait(self._reading)


async def _watch(socket: web.WebSocketResponse, subscriber: Subscriber) -> None:
    async for _ in socket:
        pass
    subscriber.leave()


def _abort_if_unsent(request: web.Request) -> None:
    if (transport := request.transport) is not None and transport.get_write_buffer_size():
        transport.abort()


async def _uninterrupted(wait: Coroutine[Any, Any, None]) -> None:
    """Awaits `wait`; if the caller is cancelled, `wait` continues in the background until the connection is lost.

    All who wait for buffer space of one aiohttp connection share a future (`BaseProtocol._drain_helper`, 3.14).
    Cancelling one of them leaves it cancelled, and then not even a close code could be written.
    """
    waiting = asyncio.ensure_future(wait)
    waiting.add_done_callback(_retrieve_error)
    await asyncio.shield(waiting)


def _retrieve_error(ended: asyncio.Future[None]) -> None:
    if not ended.cancelled():
        ended.exception()
