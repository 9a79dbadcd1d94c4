"""Reads request bodies within limits: on the size of each, the time it takes, and the total bytes in memory.

A sender is not authenticated until its body is complete: a webhook's signature covers the body, and a header that looks
like one costs nothing. So the memory that unauthenticated senders can occupy is limited here: when it runs out, the
oldest incomplete body is dropped. GitHub sends a delivery at once; to have it dropped, an attacker would have to send
faster than GitHub.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from bot import log
from bot.web.problems import Problem

_log = log.get(__name__)

MEGABYTE = 1024 * 1024

TIMEOUT = 30.0
"""Seconds from the start of reading a body to its last byte. GitHub itself gives up after ten."""

_UNENCODED = {"", "identity"}


@dataclass(eq=False, slots=True)
class _Held:
    """The bytes held for one request's body.

    :param timer: ends the reading; None once the body is complete
    """

    bodies: RequestBodies
    size: int = 0
    timer: asyncio.Timeout | None = None
    was_dropped: bool = False


_HELD = web.RequestKey("held", _Held)


class RequestBodies:
    """The bodies of one kind of request.

    :param most: total bytes of all of them; at least the largest permitted body
    :param timeout: seconds for reading one
    """

    def __init__(self, *, most: int, timeout: float = TIMEOUT) -> None:
        self._most = most
        self._timeout = timeout
        self._incomplete: dict[_Held, None] = {}
        self.held = 0

    async def read(self, request: web.Request, *, largest: int) -> bytes:
        """Reads the whole body, which counts as held until the request has been answered (`guard_bodies`).

        :param largest: bytes that this body may have
        :raises Problem: 413 if it is larger, 408 if it takes too long, 503 if it was dropped in favour of others,
            400 if it is cut off or not framed as its headers declare
        """
        if (request.content_length or 0) > largest:
            raise _too_large(largest)
        held = request[_HELD] = _Held(self)
        try:
            if request.content.is_eof():
                # It arrived together with the head, as most deliveries do.
                body = request.content.read_nowait()
                self._count(request, held, len(body), largest=largest)
                return body
            await _send_continue(request)
            return await self._read_on(request, held, largest=largest)
        except TimeoutError:
            if held.was_dropped:
                raise _dropped(request) from None
            detail = f"The body did not arrive within {self._timeout:g} seconds."
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail) from None
        except (ConnectionError, web.RequestPayloadError):
            detail = "The body is incomplete, or does not match its headers."
            raise Problem(HTTPStatus.BAD_REQUEST, detail) from None

    def release(self, held: _Held) -> None:
        """Frees the bytes of a request that has been answered."""
        self.held -= held.size
        held.size = 0

    async def _read_on(self, request: web.Request, held: _Held, *, largest: int) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout) as held.timer:
                self._incomplete[held] = None
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._count(request, held, len(chunk), largest=largest)
        finally:
            held.timer = None
            self._incomplete.pop(held, None)
        return bytes(body)

    def _count(self, request: web.Request, held: _Held, size: int, *, largest: int) -> None:
        """Counts more bytes of a body and drops the oldest incomplete bodies if there are too many in total.

        :raises Problem: if this body becomes too large, or is itself the oldest incomplete one
        """
        if held.was_dropped:
            raise _dropped(request)
        held.size += size
        self.held += size
        if held.size > largest:
            raise _too_large(largest)
        while self.held > self._most:
            oldest = next(iter(self._incomplete), held)
            self._drop(oldest)
            if oldest is held:
                raise _dropped(request)

    def _drop(self, oldest: _Held) -> None:
        self._incomplete.pop(oldest, None)
        self.release(oldest)
        oldest.was_dropped = True
        if oldest.timer is not None:
            oldest.timer.reschedule(asyncio.get_running_loop().time())


async def expect_later(request: web.Request) -> None:
    """Expect handler for routes with bodies: sends ``100 Continue`` when the body is read, not before the headers have
    been checked, so that a rejected client need not send its body.

    :raises aiohttp.web.HTTPExpectationFailed: for any other expectation
    """
    if request.version == HttpVersion11 and not _expects_continue(request):
        raise web.HTTPExpectationFailed(text="The Expect header may only say 100-continue.")


@web.middleware
async def guard_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Rejects encoded bodies, and releases the bytes of a request's body once the request has been handled.

    No legitimate client compresses, and a megabyte of gzip can unpack to a gigabyte. The server decompresses nothing
    (`bot.web.listening`); this middleware reports that to the sender.
    """
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None and request.body_exists and encoding.strip().lower() not in _UNENCODED:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body is compressed or otherwise encoded: send it without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
    try:
        return await handler(request)
    finally:
        if (held := request.get(_HELD)) is not None:
            held.bodies.release(held)


async def _send_continue(request: web.Request) -> None:
    if request.version == HttpVersion11 and _expects_continue(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The response itself has not started.
        request.writer.output_size = 0


def _expects_continue(request: web.Request) -> bool:
    return request.headers.get("Expect", "").lower() == "100-continue"


def _too_large(largest: int) -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {largest // MEGABYTE} MB.")


def _dropped(request: web.Request) -> Problem:
    _log.warning("body.dropped", path=request.path)
    detail = "The server holds too many bodies; send this one again later."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "10"})
