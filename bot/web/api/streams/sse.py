"""Transport over Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from bot.web.api.streams import frames
from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.frames import AFTER_END, Frame
from bot.web.api.streams.sse_framing import unbroken
from bot.web.api.streams.websocket import LINGER, ROOM
from bot.web.problems import Problem

MEDIA_TYPE = "text/event-stream"

_EVENT_ID = re.compile(rf"(\d{{1,12}})({re.escape(AFTER_END)})?")


class SseWire:
    """Implements `bot.web.api.streams.subscriber.Wire`; opened by `open_sse`."""

    def __init__(self, request: web.Request, response: web.StreamResponse, writer: AbstractStreamWriter) -> None:
        self._request = request
        self._response = response
        self._writer = writer

    async def send(self, frame: Frame) -> None:
        resumes = b"" if frame.resumes is None else b"id: %b\n" % frame.resumes.encode()
        await self._write(b"event: %b\n%bdata: %b\n\n" % (frame.type.encode(), resumes, frame.json))

    async def beat(self) -> None:
        await self._write(b":\n\n")

    async def close(self, code: CloseCode) -> None:
        try:
            async with asyncio.timeout(LINGER):
                await self.send(frames.close(code))
                await unbroken(self._response.write_eof())
        except (TimeoutError, ConnectionError):
            pass
        finally:
            if (transport := self._request.transport) is not None and transport.get_write_buffer_size():
                transport.abort()

    async def hang_up(self) -> None:
        """Does nothing: clients send nothing."""

    async def _write(self, text: bytes) -> None:
        await unbroken(self._write_and_drain(text))

    async def _write_and_drain(self, text: bytes) -> None:
        await self._response.write(text)
        await self._writer.drain()


async def open_sse(request: web.Request) -> tuple[web.StreamResponse, SseWire]:
    """Starts the response, with proxy buffering disabled."""
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    writer = await response.prepare(request)
    assert writer is not None  # noqa: S101 - only a request that has been answered has none
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=ROOM)
    wire = SseWire(request, response, writer)
    await wire.beat()
    return response, wire


def wants_sse(request: web.Request) -> bool:
    return MEDIA_TYPE in request.headers.get("Accept", "").lower()


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
