"""Files and documents that never change while the server runs, with ETags (RFC 9110, section 13.1.2), and the style
sheets of the single pages, which begin with `page/base.css`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files

from aiohttp import web


def static_route(path: str, body: bytes, content_type: str, headers: Mapping[str, str]) -> web.RouteDef:
    """A GET route with this body; 304 for clients that have it."""
    tagged = {
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        **headers,
        "ETag": etag_of(body),
    }
    charset = None if content_type == "application/json" else "utf-8"

    async def get(request: web.Request) -> web.Response:
        if is_cached(request, tagged["ETag"]):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=tagged)
        return web.Response(body=body, content_type=content_type, charset=charset, headers=tagged)

    return web.get(path, get)


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_cached(request: web.Request, etag: str) -> bool:
    """Whether the client already has this version."""
    known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    return not known.isdisjoint({etag, "*"})


def style_sheet(package: str, name: str) -> str:
    """The style sheet of a page.

    :param package: whose folder `page` contains its own rules
    """
    sheets = (("bot.web", "base.css"), (package, name))
    return "".join(files(each).joinpath("page", file).read_text(encoding="utf-8") for each, file in sheets)


SCRIPTS = "; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"


def inline_policy(style: str, *, form_action: str = "'none'", has_scripts: bool = False) -> str:
    """The Content-Security-Policy of a page with this inline style sheet.

    :param form_action: where its forms may be sent
    :param has_scripts: whether files of this server may be its scripts, which may send requests to this server and make
        no HTML from strings
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action {form_action}; "
        "frame-ancestors 'none'" + (SCRIPTS if has_scripts else "")
    )
