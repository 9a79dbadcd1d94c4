"""Counts the responses of the HTTP API and its streams by route, so that request paths cannot grow the metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from bot.metrics import Metrics


def count_answers(
    metrics: Metrics, paths: Collection[str]
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """:param paths: of the routes to count"""

    async def count(request: web.Request, response: web.StreamResponse) -> None:
        resource = request.match_info.route.resource
        if resource is not None and resource.canonical in paths:
            metrics.answered(request.method, resource.canonical, response.status)

    return count
