"""Errors over HTTP: one clear sentence as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from bot import log

_log = log.get(__name__)


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """Ends a request with this status and this sentence."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail

    def response(self) -> web.Response:
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        return web.Response(
            text=json.dumps(document), status=self.status.value, content_type="application/problem+json"
        )


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error leaves in the same form, the web framework's and our own faults too."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPRequestEntityTooLarge:
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.").response()
    except web.HTTPNotFound:
        return Problem(HTTPStatus.NOT_FOUND, f"There is nothing at {request.path}.").response()
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.path} takes {allowed}.").response()
        response.headers["Allow"] = allowed
        return response
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - the door's one broad except: it logs and answers
        _log.exception("request.broken", method=request.method, path=request.path)
        return Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "The bot failed at this request; its log has the rest."
        ).response()
