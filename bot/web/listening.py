"""Serves an application on a listening socket and limits the number of connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from bot.errors import SettingsError, os_reason
from bot.web.connection import KILOBYTE, SERVER, Connection, ConnectionLimits

FILES = 256
"""Open files reserved for other uses: the database, connections to GitHub and Codegen."""

BUFFER = 64 * KILOBYTE
"""Bytes read from a socket at once: most deliveries come in one piece."""

EVERY = 1.0
"""Default seconds between two checks for late connections."""


@asynccontextmanager
async def listening(
    application: web.Application,
    host: str,
    port: int,
    *,
    named: str,
    shutdown_timeout: float,
    limits: ConnectionLimits | None = None,
    every: float = EVERY,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[str]:
    """Serves the application on an address while the context lasts. Request bodies are not decompressed.

    :param port: 0 for a free one
    :param named: the settings that define the address, for the error message
    :param shutdown_timeout: seconds for requests in progress to finish
    :param every: seconds between two checks for late connections
    :returns: the address, with the port
    :raises SettingsError: if the address cannot be bound
    """
    application.on_response_prepare.append(_add_headers)
    runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101 - it is set up
    connections = Connections(server, limits or ConnectionLimits(), clock=clock)
    try:
        listener = await _listen(connections.accept, host, port, named=named)
        watching = asyncio.create_task(connections.watch(every), name="late connections")
        try:
            yield f"http://{host}:{listener.sockets[0].getsockname()[1]}"
        finally:
            listener.close()
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
    finally:
        await runner.cleanup()


async def _listen(accept: Callable[[], asyncio.BaseProtocol], host: str, port: int, *, named: str) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(accept, host, port)
    except OSError as error:
        raise SettingsError(f"{named} cannot be used: {os_reason(error)}.") from None


async def check_free(host: str, port: int, *, named: str) -> None:
    """Whether the address could be bound now; always, if the port is 0.

    :raises SettingsError: if it could not
    """
    if port:
        (await _listen(asyncio.Protocol, host, port, named=named)).close()


class Connections:
    """All connections of a server.

    When there are too many, the one that has waited longest for its client is closed: it is idle, its client has sent
    part of a request, or does not read the response. A request that has arrived completely is never lost.
    """

    def __init__(self, server: web.Server, limits: ConnectionLimits, *, clock: Callable[[], float]) -> None:
        self._server = server
        self._limits = limits
        self._clock = clock
        self._most = _most_connections(limits.connections)
        self._open: dict[Connection, None] = {}
        self._buffer = memoryview(bytearray(BUFFER))
        self._make_request = server.request_factory
        server.request_factory = self._begin

    def accept(self) -> Connection:
        return Connection(self._server, self, self._limits, buffer=self._buffer, clock=self._clock)

    async def watch(self, every: float) -> None:
        """Closes late connections; never returns."""
        while True:
            await asyncio.sleep(every)
            for each in [*self._open]:
                each.close_if_late()

    def opened(self, connection: Connection) -> None:
        self._open[connection] = None
        if len(self._open) > self._most:
            waiting = [each for each in self._open if each.is_waiting_for_client and each is not connection]
            min(waiting, key=lambda each: each.since, default=connection).abort()

    def closed(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def _begin(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        protocol.begin(message, payload)
        return self._make_request(message, payload, protocol, writer, task)


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Adds the headers of every response, including streams."""
    response.headers["Server"] = SERVER
    response.headers["X-Content-Type-Options"] = "nosniff"


def _most_connections(wanted: int) -> int:
    """The configured limit, or less if the process may not open that many files."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return wanted
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, files - FILES))
