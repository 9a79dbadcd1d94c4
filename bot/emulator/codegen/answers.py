"""Who asks, how often they may, and how the API says no."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)

WINDOWS = {
    "read": (60, 30.0),
    "logs": (60, 60.0),
    "create": (10, 60.0),
    "setup-commands": (5, 60.0),
    "analyze-logs": (5, 60.0),
    "edit-pull-request": (30, 60.0),
    "cli-rules": (30, 60.0),
}
"""Requests and seconds, as the operations' published descriptions say."""

_NOT_FOUND = {
    "run": "Agent run not found",
    "user": "User not found",
    "organization": "You do not have permission to access this organization.",
}


class Refused(Exception):  # noqa: N818 - the API's no, not a fault
    """Ends a request with the API's own kind of error."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    def response(self) -> web.Response:
        document = {"message": self.message, "status_code": self.status}
        return web.json_response(document, status=self.status, headers=self.headers)


class Unprocessable(Exception):  # noqa: N818
    """Ends a request with FastAPI's validation error."""

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        super().__init__(detail)
        self.detail = detail

    def response(self) -> web.Response:
        return web.json_response({"detail": self.detail}, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def token_of(request: web.Request) -> str:
    """:raises Refused: without a token that Codegen could have made"""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith("sk-"):
        raise Refused(401, "Invalid or missing API token.")
    return token


def organizations_of(token: str) -> tuple[int, ...]:
    """Which organizations a token sees."""
    if token.startswith("sk-org1"):
        return (1,)
    return (2,) if token.startswith("sk-org2") else (1, 2)


def organization(request: web.Request) -> int:
    """The organization of the path.

    :raises Refused: where the token does not see it
    """
    org_id = number(request, "org_id")
    if org_id not in organizations_of(token_of(request)):
        raise Refused(403, _NOT_FOUND["organization"])
    return org_id


def number(request: web.Request, name: str) -> int:
    """A number of the path."""
    return _integer(request.match_info[name], ["path", name])


def query_number(request: web.Request, name: str, default: int | None, *, most: int | None = None) -> int:
    """:param default: None where the parameter must be given."""
    text = request.query.get(name)
    if text is None:
        if default is None:
            raise Unprocessable([{"type": "missing", "loc": ["query", name], "msg": "Field required", "input": None}])
        return default
    value = _integer(text, ["query", name])
    if value < 0 or (most is not None and value > most):
        message = f"Input should be less than or equal to {most}" if value >= 0 else "Input should be at least 0"
        raise Unprocessable([{"type": "range", "loc": ["query", name], "msg": message, "input": text}])
    return value


def _integer(text: str, place: list[str]) -> int:
    try:
        return int(text)
    except ValueError:
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise Unprocessable([{"type": "int_parsing", "loc": place, "msg": message, "input": text}]) from None


async def body(request: web.Request, model: type[M]) -> M:
    """:raises Unprocessable: where the body is not what the operation takes"""
    try:
        return model.model_validate_json(await request.read() or b"null")
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise Unprocessable([{**problem, "loc": ["body", *problem["loc"]]} for problem in problems]) from None


def page(request: web.Request, items: list[Any]) -> web.Response:
    """A page of a list, by ``skip`` and ``limit``."""
    skip, limit = query_number(request, "skip", 0), query_number(request, "limit", 100, most=100)
    size = limit or 100
    return web.json_response(
        {
            "items": items[skip : skip + limit],
            "total": len(items),
            "page": skip // size + 1,
            "size": limit,
            "pages": -(-len(items) // size),
        }
    )


class Limiter:
    """The published rate limits, for each token."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, enabled: bool = True) -> None:
        self._clock = clock
        self._enabled = enabled
        self._asked: dict[tuple[str, str], deque[float]] = {}

    def reset(self) -> None:
        self._asked.clear()

    def count(self, token: str, name: str) -> None:
        """:raises Refused: with 429 and ``Retry-After`` where it is one too many"""
        if not self._enabled:
            return
        most, seconds = WINDOWS[name]
        now = self._clock()
        asked = self._asked.setdefault((token, name), deque())
        while asked and now - asked[0] >= seconds:
            asked.popleft()
        if len(asked) >= most:
            wait = max(1, round(asked[0] + seconds - now + 0.5))
            raise Refused(
                429, f"Rate limit exceeded: {most} requests per {seconds:.0f} seconds.", {"Retry-After": f"{wait}"}
            )
        asked.append(now)
