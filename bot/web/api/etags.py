"""ETags and If-None-Match (RFC 9110, section 13.1.2)."""

from __future__ import annotations

import hashlib

from aiohttp import web


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def has_it(request: web.Request, etag: str) -> bool:
    known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    return not known.isdisjoint({etag, "*"})
