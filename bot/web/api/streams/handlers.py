"""The HTTP handlers of the streams: authorization is checked before the connection is upgraded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot import log
from bot.web.api.endpoint import Stream
from bot.web.api.failures import translated
from bot.web.api.handler_adapter import REQUEST_TIMEOUT, Api
from bot.web.api.routes import LOGS_STREAM, MULTI_RUN_STREAM
from bot.web.api.streams.connection_manager import ConnectionManager
from bot.web.api.streams.frames import CloseCode
from bot.web.api.streams.multi_run_status_manager import MultiRunStatusManager
from bot.web.api.streams.subscribers import SEND_TIMEOUT, Cursor, Subscriber, Subscribers, deliver
from bot.web.api.streams.transports import last_event, open_transport

_log = log.get(__name__)


class Streams:
    """Both streams with their routes.

    :param api: validates requests
    :param send_timeout: seconds that a subscriber has to accept what it is sent
    """

    def __init__(
        self,
        api: Api,
        connections: ConnectionManager,
        multi_runs: MultiRunStatusManager,
        *,
        send_timeout: float = SEND_TIMEOUT,
    ) -> None:
        self._api = api
        self._connections = connections
        self._multi_runs = multi_runs
        self._subscribers = Subscribers()
        self._send_timeout = send_timeout

    @property
    def subscribers(self) -> int:
        """The number of subscribers."""
        return len(self._subscribers)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(LOGS_STREAM.path, self._serve(LOGS_STREAM, self._connections), allow_head=False),
            web.get(MULTI_RUN_STREAM.path, self._serve(MULTI_RUN_STREAM, self._multi_runs), allow_head=False),
        ]

    async def close(self, _application: web.Application) -> None:
        """Disconnects all subscribers, for whom the server's shutdown would otherwise wait."""
        await self._subscribers.close()

    def _serve(
        self, stream: Stream, manager: ConnectionManager | MultiRunStatusManager
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            call = await self._api.validated(request, stream)
            resume_at, has_end = last_event(request)
            with self._subscribers.enter(call.caller.key) as subscriber:
                with translated(stream.name):
                    async with asyncio.timeout(REQUEST_TIMEOUT):
                        cursor: Any = await manager.join(call, subscriber, resume_at=resume_at)
                try:
                    if has_end and cursor.has_ended:
                        return web.Response(status=HTTPStatus.NO_CONTENT)
                    return await self._deliver(request, subscriber, cursor)
                finally:
                    manager.leave(cursor)

        return serve

    async def _deliver(self, request: web.Request, subscriber: Subscriber, cursor: Cursor) -> web.StreamResponse:
        async with open_transport(request, subscriber) as (response, transport):
            try:
                await deliver(subscriber, cursor, transport, send_timeout=self._send_timeout)
            except Exception:  # noqa: BLE001 - the entry point's one broad except: it logs and closes the stream
                # Once the response has started, only the close code can report a failure.
                _log.exception("stream.failed")
                await transport.close(CloseCode.BROKEN)
        return response
