"""The HTTP handlers of the streams: authorization is checked before the connection is upgraded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from bot import log
from bot.errors import UpstreamError
from bot.web.api.endpoint import ApiRequest, read_numbers, read_query
from bot.web.api.error_mapping import problem_of
from bot.web.api.handler_adapter import PATIENCE as JOIN_PATIENCE
from bot.web.api.handler_adapter import Api
from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.connection_manager import ConnectionManager
from bot.web.api.streams.multi_run_status_manager import MultiRunStatusManager
from bot.web.api.streams.routes import LOGS_STREAM, MULTI_RUN_STREAM, LogsStreamQuery, Stream
from bot.web.api.streams.sse import last_event, open_sse, wants_sse
from bot.web.api.streams.subscriber import PATIENCE, RunWaiter, Subscriber, Wire, tell
from bot.web.api.streams.subscribers import Subscribers
from bot.web.api.streams.websocket import open_websocket
from bot.web.problems import Problem

_log = log.get(__name__)


class Streams:
    """Both streams with their routes.

    :param api: provides callers and services
    :param patience: seconds that a subscriber has to accept what it is sent
    """

    def __init__(
        self,
        api: Api,
        connections: ConnectionManager,
        multi_runs: MultiRunStatusManager,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._api = api
        self._connections = connections
        self._multi_runs = multi_runs
        self._subscribers = Subscribers()
        self._patience = patience

    @property
    def subscribers(self) -> int:
        """The number of subscribers."""
        return len(self._subscribers)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(LOGS_STREAM.path, self._stream_logs, allow_head=False),
            web.get(MULTI_RUN_STREAM.path, self._stream_multi_run, allow_head=False),
        ]

    async def close(self, _application: web.Application) -> None:
        """Disconnects all subscribers, for whom the server's shutdown would otherwise wait."""
        await self._subscribers.close()

    async def _stream_logs(self, request: web.Request) -> web.StreamResponse:
        call = await self._call(request, LOGS_STREAM)
        query: LogsStreamQuery = call.query
        place, has_heard_end = last_event(request)
        with self._subscribers.enter(call.caller.key) as subscriber:
            async with _let_in(subscriber):
                following = await self._connections.join(
                    call, subscriber, place=query.place if place is None else place, poll_interval=query.poll_interval
                )
            try:
                if has_heard_end and following.reader.run.finished:
                    return web.Response(status=HTTPStatus.NO_CONTENT)
                return await self._serve(request, subscriber, following)
            finally:
                self._connections.leave(following)

    async def _stream_multi_run(self, request: web.Request) -> web.StreamResponse:
        call = await self._call(request, MULTI_RUN_STREAM)
        _, has_heard_end = last_event(request)
        with self._subscribers.enter(call.caller.key) as subscriber:
            async with _let_in(subscriber):
                following = await self._multi_runs.join(call, subscriber)
            try:
                if has_heard_end and following.audience.has_ended:
                    return web.Response(status=HTTPStatus.NO_CONTENT)
                return await self._serve(request, subscriber, following)
            finally:
                self._multi_runs.leave(following)

    async def _call(self, request: web.Request, stream: Stream) -> ApiRequest:
        """The validated request.

        :raises Problem: if it is invalid or the caller is not authorized
        """
        caller, _ = await self._api.callers.of(request, is_counted=False)
        call = ApiRequest(
            request=request,
            caller=caller,
            services=self._api.services,
            numbers=read_numbers(request),
            query=read_query(request, stream.query),
            body=None,
        )
        assert call.org_id  # noqa: S101 - raises if the caller may not see it
        return call

    async def _serve(self, request: web.Request, subscriber: Subscriber, following: RunWaiter) -> web.StreamResponse:
        if wants_sse(request):
            response, events = await open_sse(request)
            await self._tell(subscriber, following, events)
            return response
        if not web.WebSocketResponse().can_prepare(request):
            raise Problem(
                HTTPStatus.UPGRADE_REQUIRED,
                "This is a stream: open it as a WebSocket, or ask with `Accept: text/event-stream`.",
                headers={"Upgrade": "websocket"},
            )
        socket, line = await open_websocket(request, subscriber)
        try:
            await self._tell(subscriber, following, line)
        finally:
            await line.hang_up()
        return socket

    async def _tell(self, subscriber: Subscriber, following: RunWaiter, wire: Wire) -> None:
        """Once the response has started, only the close code can report a failure."""
        try:
            await tell(subscriber, following, wire, patience=self._patience)
        except Exception:  # noqa: BLE001 - the entry point's one broad except: it logs and closes the stream
            _log.exception("stream.failed")
            await wire.close(CloseCode.BROKEN)


@asynccontextmanager
async def _let_in(subscriber: Subscriber) -> AsyncIterator[None]:
    """Limits the time for authorizing a subscriber, and maps Codegen's errors to HTTP errors."""
    try:
        async with asyncio.timeout(JOIN_PATIENCE) as subscriber.deadline:
            yield
    except UpstreamError as error:
        raise problem_of(error) from None
    except TimeoutError:
        used_up = "Codegen's limits are used up for the moment."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, used_up, headers={"Retry-After": "30"}) from None
    finally:
        subscriber.deadline = None
