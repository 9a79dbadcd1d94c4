"""Assembles the server's application from its routes and middlewares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus

from aiohttp import web

from bot import log
from bot.errors import NotReadyError, StoreError
from bot.metrics import CONTENT_TYPE, Metrics
from bot.web.api import docs_page
from bot.web.api.authentication import add_rate_limits
from bot.web.api.handler_adapter import Api
from bot.web.api.routes import ENDPOINTS, STREAMS
from bot.web.api.streams.handlers import Streams
from bot.web.bodies import expect_later, guard_bodies
from bot.web.cors import add_cors_headers, allow_origins
from bot.web.dashboard import pages as dashboard
from bot.web.problems import Problem, add_request_id, answer_problems, assign_request_id
from bot.web.webhooks import GitHubWebhooks

_log = log.get(__name__)

CHECK_TIMEOUT = 5.0
"""Seconds that the database has to answer a readiness check."""


def make_application(
    webhooks: GitHubWebhooks,
    *,
    check: Callable[[], Awaitable[None]],
    metrics: Metrics,
    api: Api | None = None,
    streams: Streams | None = None,
    cors_origins: Collection[str] = (),
    shows_metrics: bool = True,
    check_timeout: float = CHECK_TIMEOUT,
) -> web.Application:
    """The server's application.

    :param api: the HTTP API; None: disabled
    :param streams: its live streams
    :param cors_origins: of other pages that may call it
    :param shows_metrics: whether to serve /metrics
    :param check: raises if the bot cannot accept commands
    :param check_timeout: seconds after which that check counts as failed
    """
    middlewares = [
        assign_request_id,
        *([allow_origins(cors_origins)] if cors_origins else []),
        answer_problems,
        guard_bodies,
    ]
    application = web.Application(middlewares=middlewares)
    if cors_origins:
        application.on_response_prepare.append(add_cors_headers(cors_origins))
    application.on_response_prepare.append(add_request_id)
    application.on_response_prepare.append(add_rate_limits)
    application.on_response_prepare.append(_count_responses(metrics))
    application.add_routes(
        [
            web.post("/webhooks/github", webhooks.receive, expect_handler=expect_later),
            *health_routes(check, timeout=check_timeout),
            *(metrics_routes(metrics) if shows_metrics else ()),
            web.get("/setup", _set_up_already),
        ]
    )
    if api is not None:
        application.add_routes([*api.routes(ENDPOINTS), *docs_page.routes(), *dashboard.routes()])
    if streams is not None:
        application.add_routes(streams.routes())
        application.on_shutdown.append(streams.close)
    if api is not None:
        # After the subscribers have left: to them an interrupted multi-run is not a broken one.
        application.on_shutdown.append(api.close)
    return application


def health_routes(check: Callable[[], Awaitable[None]], *, timeout: float = CHECK_TIMEOUT) -> list[web.RouteDef]:
    """:param check: raises if the process cannot do its work
    :param timeout: seconds after which that check counts as failed
    """

    async def healthz(_request: web.Request) -> web.Response:
        """Liveness: the process is running."""
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        """Readiness: the bot can accept commands."""
        try:
            async with asyncio.timeout(timeout):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the response is "not ready"
            words = str(error) if isinstance(error, StoreError | NotReadyError) else type(error).__name__
            _log.warning("server.not_ready", reason=words)
            detail = words if isinstance(error, NotReadyError) else "The database does not answer."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from None
        return web.json_response({"status": "ready"})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


def metrics_application(metrics: Metrics, *, check: Callable[[], Awaitable[None]] | None = None) -> web.Application:
    """Serves the metrics alone, on a port of their own.

    :param check: of a process that has no other port; adds /healthz and /readyz
    """
    application = web.Application(middlewares=[assign_request_id, answer_problems, guard_bodies])
    application.on_response_prepare.append(add_request_id)
    application.add_routes([*metrics_routes(metrics), *(() if check is None else health_routes(check))])
    return application


def metrics_routes(metrics: Metrics) -> list[web.RouteDef]:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=await metrics.shown(), headers={"Content-Type": CONTENT_TYPE})

    return [web.get("/metrics", show)]


def _count_responses(metrics: Metrics) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Counts the responses of the HTTP API and its streams by route, so that request paths cannot grow the metrics."""
    paths = {*(each.path for each in ENDPOINTS), *(each.path for each in STREAMS)}

    async def count(request: web.Request, response: web.StreamResponse) -> None:
        resource = request.match_info.route.resource
        if resource is not None and resource.canonical in paths:
            metrics.answered(request.method, resource.canonical, response.status)

    return count


async def _set_up_already(_request: web.Request) -> web.Response:
    """Answers /setup, where a server without a GitHub App offers its set-up page (`bot.cli.setup.server`)."""
    raise Problem(HTTPStatus.NOT_FOUND, "The bot is set up; this page has closed.")
