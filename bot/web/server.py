"""Assembles the server's application from its routes and middlewares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus

from aiohttp import web

from bot import log
from bot.errors import StoreError
from bot.metrics import CONTENT_TYPE, Metrics
from bot.web.api import openapi_routes
from bot.web.api.handler_adapter import Api
from bot.web.api.routes import ENDPOINTS
from bot.web.api.streams.handlers import Streams
from bot.web.api.streams.routes import STREAMS
from bot.web.bodies import expect_later, guard_bodies
from bot.web.cors import allow_origins, mark_answers
from bot.web.counting import count_answers
from bot.web.dashboard import pages as dashboard
from bot.web.problems import Problem, answer_problems, name_requests, tell_name
from bot.web.webhooks import GitHubWebhooks

_log = log.get(__name__)

PATIENCE = 5.0
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
    patience: float = PATIENCE,
) -> web.Application:
    """The server's application.

    :param api: the HTTP API; None: disabled
    :param streams: its live streams
    :param cors_origins: of other pages that may call it
    :param shows_metrics: whether to serve /metrics
    :param check: raises if the bot cannot accept commands
    :param patience: seconds after which that check counts as failed
    """

    async def healthz(_request: web.Request) -> web.Response:
        """Liveness: the process is running."""
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        """Readiness: the bot can accept commands."""
        try:
            async with asyncio.timeout(patience):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the response is "not ready"
            words = str(error) if isinstance(error, StoreError) else type(error).__name__
            _log.warning("server.not_ready", reason=words)
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer.") from None
        return web.json_response({"status": "ready"})

    middlewares = [
        name_requests,
        *([allow_origins(cors_origins)] if cors_origins else []),
        answer_problems,
        guard_bodies,
    ]
    application = web.Application(middlewares=middlewares)
    if cors_origins:
        application.on_response_prepare.append(mark_answers(cors_origins))
    application.on_response_prepare.append(tell_name)
    counted = {*(each.path for each in ENDPOINTS), *(each.path for each in STREAMS)}
    application.on_response_prepare.append(count_answers(metrics, counted))
    application.add_routes(
        [
            web.post("/webhooks/github", webhooks.receive, expect_handler=expect_later),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            *(metrics_routes(metrics) if shows_metrics else ()),
            web.get("/setup", _set_up_already),
        ]
    )
    if api is not None:
        told = openapi_routes.routes(ENDPOINTS, STREAMS if streams is not None else ())
        application.add_routes([*api.routes(ENDPOINTS), *told, *dashboard.routes()])
    if streams is not None:
        application.add_routes(streams.routes())
        application.on_shutdown.append(streams.close)
    if api is not None:
        # After the subscribers have left: to them an interrupted multi-run is not a broken one.
        application.on_shutdown.append(api.close)
    return application


def metrics_application(metrics: Metrics) -> web.Application:
    """Serves the metrics alone, on a port of their own."""
    application = web.Application(middlewares=[name_requests, answer_problems, guard_bodies])
    application.on_response_prepare.append(tell_name)
    application.add_routes(metrics_routes(metrics))
    return application


def metrics_routes(metrics: Metrics) -> list[web.RouteDef]:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=await metrics.shown(), headers={"Content-Type": CONTENT_TYPE})

    return [web.get("/metrics", show)]


async def _set_up_already(_request: web.Request) -> web.Response:
    """Answers /setup, where a server without a GitHub App offers its set-up page (`bot.setup.remote`)."""
    raise Problem(HTTPStatus.NOT_FOUND, "The bot is set up; this page has closed.")
