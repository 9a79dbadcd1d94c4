"""An endpoint as data, and a call of one, checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun
from bot.web.api.caller import Caller
from bot.web.api.models import Id
from bot.web.api.services import ApiServices
from bot.web.bodies import MEGABYTE, RequestBodies
from bot.web.problems import Problem

M = TypeVar("M", bound=BaseModel)

_ID = TypeAdapter(Id)

LARGEST_BODY = 2 * MEGABYTE
"""Bytes of a body without pictures: the longest texts that a model takes, with some of them escaped."""

LARGEST_BODY_WITH_IMAGES = 10 * MEGABYTE

MOST_BODIES = 32 * MEGABYTE
"""Bytes of the bodies of all calls at work. Deliveries have a bound of their own: callers do not displace them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """What goes back.

    :param document: a model, or what pydantic can write of the endpoint's answer
    :param runs: whose words it holds, in the order of its items where it is a page of them: their repositories' secret
        patterns are applied to it
    """

    document: Any
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[AgentRun] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request that has been checked: who asks, for what.

    :param numbers: the ids in the path
    """

    request: web.Request
    caller: Caller
    services: ApiServices
    numbers: Mapping[str, int]
    query: Any
    body: Any

    @property
    def org_id(self) -> int:
        """The organization in the path, the query or the body, else the usual one (`Caller.org`)."""
        given = self.numbers.get("org_id") or getattr(self.body, "org_id", None) or getattr(self.query, "org_id", None)
        return self.caller.org(given, usual=self.services.own_org_id)

    @property
    def run_id(self) -> int:
        return self.numbers["agent_run_id"]

    @property
    def codegen(self) -> Codegen:
        """The organization's client, with the caller's token."""
        return self.caller.access.codegen(self.org_id)


class Group(StrEnum):
    """What endpoints are about, in the document's order."""

    ORGANIZATIONS = "Organizations"
    RUNS = "Agent runs"
    ANALYSIS = "Set-up and logs"
    MULTI_RUNS = "Multi-runs"
    STARS = "Stars"
    OVERVIEW = "Overview and help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One of the table.

    :param name: unique; the document's operationId
    :param answer: what pydantic writes the answer with
    :param refusals: statuses it may answer with besides those that all have
    :param largest_body: bytes that a body may have
    :param is_kept: whether the answer carries an ETag, and 304 is answered where the caller has it
    :param example: the path and query of the example, as it works against the demo
    :param example_body: its body
    :param example_before: what the shell has to know before
    """

    name: str
    group: Group
    method: str
    path: str
    summary: str
    handler: Callable[[ApiRequest], Awaitable[ApiResponse]]
    answer: TypeAdapter[Any]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    largest_body: int = LARGEST_BODY
    status: HTTPStatus = HTTPStatus.OK
    refusals: tuple[HTTPStatus, ...] = ()
    is_kept: bool = False
    example: str
    example_body: str = ""
    example_before: str = ""


def read_numbers(request: web.Request) -> dict[str, int]:
    """:raises Problem: where an id in the path is none"""
    found = {}
    for name, text in request.match_info.items():
        if name == "multi_run_id":
            continue
        try:
            found[name] = _ID.validate_python(text)
        except ValidationError:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"{name} in the path is a whole number from 1 on.",
                errors=[{"field": name, "message": "is no whole number from 1 on"}],
            ) from None
    return found


def read_query(request: web.Request, model: type[M]) -> M:
    """:raises Problem: naming each parameter that does not fit"""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name == "api_key":
            continue
        if name in given:
            raise _misfit([{"field": name, "message": "is given twice"}])
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _misfit(_errors(error)) from None


async def read_body(request: web.Request, model: type[M], bodies: RequestBodies, *, largest: int = LARGEST_BODY) -> M:
    """A body may be left out where nothing has to stand in it.

    :param largest: bytes that it may have
    :raises Problem: naming each field that does not fit
    """
    if not request.can_read_body and not needs_body(model):
        return model()
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body has to be application/json.")
    sent = await bodies.read(request, largest=largest)
    try:
        return model.model_validate_json(sent)
    except ValidationError as error:
        if any(problem["type"] == "json_invalid" for problem in error.errors()):
            raise Problem(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None
        raise _misfit(_errors(error)) from None


def needs_body(model: type[BaseModel]) -> bool:
    """Whether anything has to be given."""
    try:
        model()
    except ValidationError:
        return True
    return False


def _errors(error: ValidationError) -> list[dict[str, str]]:
    return [
        {"field": ".".join(map(str, problem["loc"])), "message": problem["msg"].removeprefix("Value error, ")}
        for problem in error.errors()
    ]


def _misfit(errors: list[dict[str, str]]) -> Problem:
    told = "; ".join(f"{error['field'] or 'the body'}: {error['message']}" for error in errors[:5])
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"Something does not fit: {told}.", errors=errors)
