"""Authentication, rate limits, validation and error responses of Codegen's API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, Field, ValidationError

from bot.emulators.codegen.world import USERS
from bot.emulators.control import JOURNAL_ENTRY
from bot.emulators.operations import Refused, SlidingWindows

M = TypeVar("M", bound=BaseModel)

LIMITS = {
    "read": (60, 30.0),
    "logs": (60, 60.0),
    "create": (10, 60.0),
    "setup-commands": (5, 60.0),
    "analyze-logs": (5, 60.0),
    "edit-pull-request": (30, 60.0),
    "cli-rules": (30, 60.0),
}
"""Requests and seconds, from the operations' published descriptions."""


def refused(status: int, message: str, headers: dict[str, str] | None = None) -> Refused:
    """The API's own kind of error."""
    return Refused(status, {"message": message, "status_code": status}, headers)


class Page(BaseModel):
    skip: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=100)

    def of(self, items: list[Any], *, name: str = "items", total: str = "total") -> dict[str, Any]:
        """A page of a list, which stands under `name`, with its total under `total`."""
        return {
            name: items[self.skip : self.skip + self.limit],
            total: len(items),
            "page": self.skip // self.limit + 1,
            "size": self.limit,
            "pages": -(-len(items) // self.limit),
        }


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Of a control request, `token` is empty and `user_id` 0; `org_id` is 0 unless the path names one."""

    request: web.Request
    content: bytes
    token: str = ""
    user_id: int = 0
    org_id: int = 0

    def body(self, model: type[M]) -> M:
        """:raises Refused: 422 if the body is not valid for the operation"""
        try:
            return model.model_validate_json(self.content or b"null")
        except ValidationError as error:
            raise _unprocessable(error, "body") from None

    def query(self, model: type[M]) -> M:
        """:raises Refused: 422 if the query is not valid for the operation"""
        try:
            return model.model_validate(dict(self.request.query))
        except ValidationError as error:
            raise _unprocessable(error, "query") from None

    def number(self, name: str) -> int:
        return _number(self.request, name)

    def page(self, items: list[Any]) -> dict[str, Any]:
        return self.query(Page).of(items)

    def check_access(self, org_id: int) -> None:
        """:raises Refused: 403 if the token cannot access this organization"""
        if org_id not in organizations_of(self.token):
            raise refused(403, f"This token cannot access organization {org_id}.")


def _number(request: web.Request, name: str) -> int:
    """An integer of the path."""
    try:
        return int(request.match_info[name])
    except ValueError:
        detail = {"type": "int_parsing", "loc": ["path", name], "msg": "Input should be a valid integer"}
        raise Refused(422, {"detail": [detail]}) from None


def _unprocessable(error: ValidationError, where: str) -> Refused:
    """FastAPI's validation error."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return Refused(422, {"detail": [{**problem, "loc": [where, *problem["loc"]]} for problem in problems]})


def organizations_of(token: str) -> tuple[int, ...]:
    """The organizations that a token can access."""
    if token.startswith("sk-org1"):
        return (1,)
    return (2,) if token.startswith("sk-org2") else (1, 2)


def user_of(token: str) -> int:
    """The token's owner: the user that its suffix names, else the organization's first user."""
    named = [user for user, (login, _) in USERS.items() if token.endswith(f"-{login}")]
    return named[0] if named else 4 if token.startswith("sk-org2") else 1


class Access:
    """Authenticates requests, and applies the published rate limits to each token.

    :param enabled: whether too many requests are refused
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, enabled: bool = True) -> None:
        self._enabled = enabled
        self._windows = SlidingWindows(clock)

    def reset(self) -> None:
        self._windows.reset()

    async def call(self, request: web.Request, *, limit: str | None = None) -> Call:
        """An authenticated request to an operation.

        :param limit: a name of `LIMITS`
        """
        org_id = _number(request, "org_id") if "org_id" in request.match_info else 0
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith("sk-"):
            raise refused(401, "Invalid or missing API token.")
        call = Call(request, await request.read(), token, user_of(token), org_id)
        request[JOURNAL_ENTRY].actor = USERS[call.user_id][0]
        if org_id or "org_id" in request.match_info:
            call.check_access(org_id)
        if limit is not None and self._enabled:
            most, seconds = LIMITS[limit]
            if wait := self._windows.count((token, limit), (most, seconds)):
                message = f"Rate limit exceeded: {most} requests per {seconds:.0f} seconds."
                raise refused(429, message, {"Retry-After": str(wait)})
        return call


async def control_call(request: web.Request) -> Call:
    """A request to a control endpoint, which needs no token."""
    return Call(request, await request.read())


@web.middleware
async def answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refusal:
        return refusal.response()
    except web.HTTPException as answer:
        # There is nothing at this address, or not for this method.
        return web.json_response({"detail": answer.reason}, status=answer.status)
