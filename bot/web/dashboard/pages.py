"""``GET /`` and what the page loads from ``/dashboard/``. No authentication: the files contain no user data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from bot.web.api.etags import etag_of, has_it

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

# Text from models and logs is only ever inserted as text: the browser refuses to create HTML from any string. Nothing
# is loaded from elsewhere, and no site may frame the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[web.RouteDef]:
    """The routes of the page's files, which are read once at server start."""
    page = files("bot.web.dashboard").joinpath("page")
    served = [web.get(f"/dashboard/{name}", _unchanging(file)) for name, file in _below(page)]
    return [web.get("/", _unchanging(page.joinpath("index.html"))), *served]


def _below(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{above}{each.name}/")
        elif each.name != "index.html":
            yield f"{above}{each.name}", each


def _unchanging(file: Traversable) -> Callable[[web.Request], Awaitable[web.Response]]:
    body = file.read_bytes()
    content_type = _TYPES[f".{file.name.rpartition('.')[2]}"]
    headers = {**_HEADERS, "ETag": etag_of(body)}

    async def get(request: web.Request) -> web.Response:
        if has_it(request, headers["ETag"]):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)

    return get
