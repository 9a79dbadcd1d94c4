"""CORS: which origins may call the API from a browser. None unless configured.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

_METHODS = "GET, POST"
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-Id"
_EXPOSED_HEADERS = (
    "ETag, Link, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id, "
    "X-Stale-Reason, X-Stale-Since"
)


def allow_origins(origins: Collection[str]) -> Any:
    """Answers CORS preflight requests.

    :param origins: as browsers write them, such as ``https://tools.example.com``
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if is_preflight and request.headers.get("Origin", "") in origins:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        return await handler(request)

    return middleware


def add_cors_headers(origins: Collection[str]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Adds the CORS headers to every response, including streams, which start before a middleware could do so."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get("Origin", "")
        if origin in origins:
            response.headers.update(
                {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": _METHODS,
                    "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                    "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
                    "Vary": "Origin",
                }
            )

    return add
