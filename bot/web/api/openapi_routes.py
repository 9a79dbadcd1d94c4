"""``GET /openapi.json`` and ``GET /docs``: the API's description for programs and for people, without
authentication.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from http import HTTPStatus

from aiohttp import web

from bot.web.api.docs_page import content_security_policy, page
from bot.web.api.endpoint import Endpoint
from bot.web.api.etags import etag_of, has_it
from bot.web.api.openapi import document
from bot.web.api.streams.routes import Stream


def routes(endpoints: Iterable[Endpoint], streams: Iterable[Stream]) -> list[web.RouteDef]:
    """Both are rendered once per process, when its first server starts."""
    text, docs = _made_of(tuple(endpoints), tuple(streams))
    policy = {"Content-Security-Policy": content_security_policy()}
    return [
        web.get("/openapi.json", _unchanging(text, "application/json", {})),
        web.get("/docs", _unchanging(docs, "text/html", policy)),
    ]


@cache
def _made_of(endpoints: tuple[Endpoint, ...], streams: tuple[Stream, ...]) -> tuple[str, str]:
    """The OpenAPI document as JSON and as an HTML page."""
    description = document(endpoints, streams)
    return json.dumps(description, ensure_ascii=False, indent=1), page(description)


def _unchanging(
    text: str, content_type: str, more: Mapping[str, str]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    body = text.encode()
    headers = {
        "ETag": etag_of(body),
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        **more,
    }

    async def get(request: web.Request) -> web.Response:
        if has_it(request, headers["ETag"]):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        charset = "utf-8" if content_type.startswith("text/") else None
        return web.Response(body=body, content_type=content_type, charset=charset, headers=headers)

    return get
