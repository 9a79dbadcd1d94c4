"""HTTP errors: one clear sentence as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot import log

_log = log.get(__name__)

REQUEST_ID = web.RequestKey("request_id", str)
"""Identifies a request in its response and in the log."""

CONTENT_TYPE = "application/problem+json"

_GIVEN_ID = re.compile("[0-9A-Za-z._-]{1,64}")


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """Ends a request with this status and sentence.

    :param errors: the invalid fields, each with its location and what is wrong
    :param headers: additional response headers
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def response(self, request: web.Request) -> web.Response:
        # The path without the query, which may contain a token.
        document = self.document(instance=request.path, request_id=request.get(REQUEST_ID, ""))
        return web.Response(
            text=json.dumps(document), status=self.status.value, content_type=CONTENT_TYPE, headers=self.headers
        )

    def document(self, *, instance: str, request_id: str) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [dict(error) for error in self.errors]
        return document


@web.middleware
async def assign_request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Sets the request id: the caller's ``X-Request-Id`` if valid, else a new one."""
    given = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = given if given and _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    # Never unbound: the next request of the connection binds its own.
    log.bind(request=request[REQUEST_ID])
    return await handler(request)


async def add_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """Adds ``X-Request-Id`` to every response, including streams and those the framework sends before any
    middleware.
    """
    response.headers["X-Request-Id"] = request.get(REQUEST_ID) or secrets.token_hex(8)


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every error into application/problem+json."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response(request)
    except web.HTTPRequestEntityTooLarge:
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.").response(request)
    except web.HTTPNotFound:
        return Problem(HTTPStatus.NOT_FOUND, f"{request.path} does not exist.").response(request)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        detail = f"{request.path} takes {allowed}."
        return Problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed}).response(request)
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - the entry point's one broad except: it logs and answers
        _log.exception("request.failed", method=request.method, path=request.path)
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error; the bot's log has the details.").response(
            request
        )
