"""Which other pages may call the API from a browser: none, unless their origins are configured.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

_METHODS = "GET, POST"
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id"
_ANSWER_HEADERS = (
    "ETag, Link, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
)


def allow_origins(origins: Collection[str]) -> Any:
    """:param origins: as browsers write them, such as ``https://tools.example.com``"""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        if origin not in origins:
            return await handler(request)
        is_question = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = web.Response(status=HTTPStatus.NO_CONTENT) if is_question else await handler(request)
        if not response.prepared:
            response.headers.update(
                {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": _METHODS,
                    "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                    "Access-Control-Expose-Headers": _ANSWER_HEADERS,
                    "Vary": "Origin",
                }
            )
        return response

    return middleware
