"""Authentication, rate limits and error responses of the API."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.emulator.codegen.world import USERS
from bot.emulator.control import JOURNAL_ENTRY

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
"""Requests and seconds, from the operations' published descriptions."""


class Refused(Exception):  # noqa: N818 - an expected refusal
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
    """:raises Refused: without a token that Codegen could have issued"""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith("sk-"):
        raise Refused(401, "Invalid or missing API token.")
    request[JOURNAL_ENTRY].actor = USERS[user_of(token)][0]
    return token


def organizations_of(token: str) -> tuple[int, ...]:
    """The organizations that a token can access."""
    if token.startswith("sk-org1"):
        return (1,)
    return (2,) if token.startswith("sk-org2") else (1, 2)


def user_of(token: str) -> int:
    """The token's owner: the user that its suffix names, else the organization's first user."""
    named = [user for user, (login, _) in USERS.items() if token.endswith(f"-{login}")]
    return named[0] if named else 4 if token.startswith("sk-org2") else 1


def organization(request: web.Request) -> int:
    """The organization of the path.

    :raises Refused: if the token cannot access it
    """
    return let_in(request, number(request, "org_id"))


def let_in(request: web.Request, org_id: int) -> int:
    """:raises Refused: if the token cannot access this organization"""
    if org_id not in organizations_of(token_of(request)):
        raise Refused(403, f"This token does not see organization {org_id}.")
    return org_id


# Path and query


def number(request: web.Request, name: str) -> int:
    """An integer of the path."""
    return _integer(request.match_info[name], ["path", name])


def query_number(
    request: web.Request, name: str, default: int | None = None, *, least: int | None = None, most: int | None = None
) -> int:
    """:param default: None if the parameter is required."""
    if name not in request.query and default is not None:
        return default
    text = query_text(request, name)
    value = _integer(text, ["query", name])
    if least is not None and value < least:
        raise _misfit("greater_than_equal", ["query", name], f"Input should be at least {least}", text)
    if most is not None and value > most:
        raise _misfit("less_than_equal", ["query", name], f"Input should be at most {most}", text)
    return value


def query_text(request: web.Request, name: str) -> str:
    """A required parameter."""
    text = request.query.get(name)
    if text is None:
        raise _misfit("missing", ["query", name], "Field required", None)
    return text


def query_choice(request: web.Request, name: str, choices: Collection[str]) -> str | None:
    text = request.query.get(name)
    if text is not None and text not in choices:
        raise _misfit("enum", ["query", name], f"Input should be one of {', '.join(choices)}", text)
    return text


def query_flag(request: web.Request, name: str) -> bool:
    """False if it is missing."""
    text = request.query.get(name, "false")
    if text.lower() not in _YES | _NO:
        raise _misfit("bool_parsing", ["query", name], "Input should be a boolean", text)
    return text.lower() in _YES


_YES = frozenset({"1", "on", "t", "true", "y", "yes"})
_NO = frozenset({"0", "off", "f", "false", "n", "no"})


def place(request: web.Request) -> tuple[int, int]:
    """How many entries of a list to skip, and how many to return."""
    return query_number(request, "skip", 0, least=0), query_number(request, "limit", 100, least=1, most=100)


def page(request: web.Request, items: list[Any]) -> web.Response:
    """A page of a list, by ``skip`` and ``limit``."""
    skip, limit = place(request)
    return web.json_response(
        {
            "items": items[skip : skip + limit],
            "total": len(items),
            "page": skip // limit + 1,
            "size": limit,
            "pages": -(-len(items) // limit),
        }
    )


def _integer(text: str, where: list[str]) -> int:
    try:
        return int(text)
    except ValueError:
        raise _misfit("int_parsing", where, "Input should be a whole number", text) from None


def _misfit(kind: str, where: list[str], message: str, given: str | None) -> Unprocessable:
    return Unprocessable([{"type": kind, "loc": where, "msg": message, "input": given}])


async def body(request: web.Request, model: type[M]) -> M:
    """:raises Unprocessable: if the body is not valid for the operation"""
    try:
        return model.model_validate_json(await request.read() or b"null")
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise Unprocessable([{**problem, "loc": ["body", *problem["loc"]]} for problem in problems]) from None


class Limiter:
    """The published rate limits, for each token."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, enabled: bool = True) -> None:
        self._clock = clock
        self._enabled = enabled
        self._asked: dict[tuple[str, str], deque[float]] = {}

    def reset(self) -> None:
        self._asked.clear()

    def count(self, token: str, name: str) -> None:
        """:raises Refused: with 429 and ``Retry-After`` if it exceeds the limit"""
        if not self._enabled:
            return
        most, seconds = WINDOWS[name]
        now = self._clock()
        asked = self._asked.setdefault((token, name), deque())
        while asked and now - asked[0] >= seconds:
            asked.popleft()
        if len(asked) >= most:
            wait = max(1, math.ceil(asked[0] + seconds - now))
            raise Refused(
                429, f"Rate limit exceeded: {most} requests per {seconds:.0f} seconds.", {"Retry-After": f"{wait}"}
            )
        asked.append(now)
