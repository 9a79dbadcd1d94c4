"""A server connection with what aiohttp's own lacks: timeouts for the client, a limit on the bytes buffered before a
request is handled, and a log that quotes nothing of a malformed request.

aiohttp waits indefinitely for the rest of a request's head and for a client that does not read its response. It buffers
up to a megabyte of headers and 32 pipelined requests, keeps reading an unwanted body for ten seconds, and logs a
malformed request with the offending line, which may contain a token.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from bot import log
from bot.web.problems import CONTENT_TYPE, REQUEST_ID, Problem

_log = log.get(__name__)

KILOBYTE = 1024

SERVER = "codegen-bot"
"""The ``Server`` header. aiohttp's reveals its own version and Python's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Limits of one connection, and on the number of connections.

    :param connections: maximum number open at the same time
    :param deadline: seconds for a request's head, and for a client to read what it is sent
    :param head: bytes of a request line with its headers
    :param read_ahead: bytes of a body that are buffered before the handler reads them
    :param lingering: seconds, and
    :param lingering_bytes: bytes, for which an unwanted body is read on, so that its sender gets to read the response
    """

    connections: int = 2_048
    deadline: float = 30.0
    head: int = 32 * KILOBYTE
    read_ahead: int = 16 * KILOBYTE
    lingering: float = 2.0
    lingering_bytes: int = 1024 * KILOBYTE


class _Phase(Enum):
    """What the connection is waiting for."""

    IDLE = auto()
    """The next request, on a connection that is kept alive."""
    HEAD = auto()
    """The rest of a request's head."""
    REQUEST = auto()
    """The rest of the body, or the response."""
    ANSWERED = auto()
    """The end of an unwanted body."""


class Registry(Protocol):
    """Tracks all connections."""

    def opened(self, connection: Connection) -> None: ...

    def closed(self, connection: Connection) -> None: ...


class Connection(web.RequestHandler, asyncio.BufferedProtocol):
    """One client's connection.

    :param buffer: receives what is read from a socket and is copied before the next socket is read: all connections of
        an event loop may share it
    """

    def __init__(
        self,
        server: web.Server,
        registry: Registry,
        limits: ConnectionLimits,
        *,
        buffer: memoryview,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "lingering_time": limits.lingering,
            "read_bufsize": limits.read_ahead,
        }
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._registry = registry
        self._limits = limits
        self._buffer = buffer
        self._clock = clock
        self._socket: asyncio.Transport | None = None
        self._phase = _Phase.HEAD
        self._body: StreamReader | None = None
        self._is_upgrade = False
        self._stalled_since: float | None = None
        self.since = self._clock()
        """When the current phase began."""
        self._waited_for = 0

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # aiohttp drops its reference when it closes the transport, even if the last response has not been sent yet.
        self._socket = self.transport
        self._registry.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._registry.closed(self)
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if data and not self._is_welcome(len(data)):
            return
        super().data_received(data)
        if self._body is not None and self._is_incomplete and self._messages:
            # Nothing can follow a body that has not ended: aiohttp (3.14) reports wrong framing as the next request,
            # and the reader of the body would wait for the rest.
            self._body.set_exception(web.RequestPayloadError("The body is framed wrongly."))

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's
        super().resume_reading(resume_parser)
        self._stop_lingering_if_enough()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_since = self._clock()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled_since = None

    # Called by aiohttp

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if self._is_incomplete and isinstance(resp, web.StreamResponse):
            # Do not wait for the rest of the body.
            resp.force_close()
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._enter(_Phase.ANSWERED if self._is_incomplete else _Phase.IDLE)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Answers a malformed request, or one whose handling failed everywhere else. Closes the connection.

        :param message: aiohttp's own text, which quotes the request
        """
        request_id = secrets.token_hex(8)
        if status == HTTPStatus.BAD_REQUEST:
            _log.info("request.malformed", kind=type(exc).__name__, request=request_id)
            problem = Problem(
                HTTPStatus.BAD_REQUEST, "The request is malformed, or its first line or a header is longer than 8 kB."
            )
        else:
            _log.error("request.failed", exc_info=exc, request=request_id)
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error; the bot's log has the details.")
        if request.writer.output_size > 0:
            raise ConnectionError("The response has already started.")
        assert isinstance(request, web.Request)  # noqa: S101 - the application makes no others
        request[REQUEST_ID] = request_id
        response = problem.response(request)
        response.headers.update({"Server": SERVER, "X-Content-Type-Options": "nosniff", "X-Request-Id": request_id})
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Logs other connection errors, except a malformed body that was discarded: that is the sender's fault."""
        exception = kw.get("exc_info")
        if not isinstance(exception, web.RequestPayloadError):
            _log.error("connection.failed", reason=str(args[0]) if args else "", exc_info=exception)

    # Called by the server

    def begin(self, message: RawRequestMessage, body: StreamReader) -> None:
        """A request's head is complete, and the request is about to be handled."""
        self._body = body
        self._is_upgrade = message.upgrade
        self._enter(_Phase.REQUEST)

    @property
    def is_waiting_for_client(self) -> bool:
        """False while a complete request is being handled and the client reads its response."""
        return self._phase is not _Phase.REQUEST or self._is_incomplete or self._stalled_since is not None

    def close_if_late(self) -> None:
        now = self._clock()
        late = now - self._limits.deadline
        has_stalled = self._stalled_since is not None and self._stalled_since < late
        if has_stalled or (self._socket is not None and self._socket.is_closing() and self.since < late):
            self.abort()
        elif self._phase is _Phase.HEAD and self.since < late:
            if self._waited_for:
                detail = f"The head of the request did not arrive within {self._limits.deadline:g} seconds."
                self._refuse(Problem(HTTPStatus.REQUEST_TIMEOUT, detail))
            self.force_close()

    def abort(self) -> None:
        """Closes the connection at once and discards unsent data."""
        if self._socket is not None:
            self._socket.abort()

    # Internal

    @property
    def _is_incomplete(self) -> bool:
        return self._body is not None and not self._body.is_eof()

    def _enter(self, phase: _Phase) -> None:
        self._phase = phase
        self.since = self._clock()
        self._waited_for = 0

    def _is_welcome(self, size: int) -> bool:
        """Whether this many more bytes are accepted. A body that is being read is limited by its reader."""
        if self._phase is _Phase.IDLE:
            self._enter(_Phase.HEAD)
        if self._phase is _Phase.REQUEST and (self._is_incomplete or self._is_upgrade):
            return True
        before, self._waited_for = self._waited_for, self._waited_for + size
        if self._phase is _Phase.ANSWERED:
            self._stop_lingering_if_enough()
        elif before > self._limits.head:
            # A complete head would have been handled by now: it is endless, or further requests are pipelined.
            if self._phase is _Phase.HEAD:
                detail = f"The head of the request is larger than {self._limits.head // KILOBYTE} kB."
                self._refuse(Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail))
            self.force_close()
            return False
        return True

    def _stop_lingering_if_enough(self) -> None:
        """Pauses reading after too many bytes; aiohttp closes the connection when its lingering time is over."""
        is_enough = self._phase is _Phase.ANSWERED and self._waited_for > self._limits.lingering_bytes
        if is_enough and self.transport is not None:
            self.transport.pause_reading()

    def _refuse(self, problem: Problem) -> None:
        """Answers input that never became a request."""
        request_id = secrets.token_hex(8)
        body = json.dumps(problem.document(instance="/", request_id=request_id)).encode()
        lines = (
            f"HTTP/1.1 {problem.status.value} {problem.status.phrase}",
            f"Content-Type: {CONTENT_TYPE}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            f"Server: {SERVER}",
            "X-Content-Type-Options: nosniff",
            f"X-Request-Id: {request_id}",
        )
        if self.transport is not None:
            self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
