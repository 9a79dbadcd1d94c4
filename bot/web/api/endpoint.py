"""An endpoint as data, and the validated request of one."""

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
"""Bytes of a body without images: the longest texts that a model accepts, partly escaped."""

LARGEST_BODY_WITH_IMAGES = 10 * MEGABYTE

MOST_BODIES = 32 * MEGABYTE
"""Bytes of the bodies of all requests in progress. Deliveries have their own limit: API calls do not displace them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """The response of an endpoint.

    :param document: a model, or anything that the endpoint's type adapter can serialize
    :param runs: the runs whose texts it contains, in the order of its items if it is a page of them: their
        repositories' secret patterns are applied to it
    """

    document: Any
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[AgentRun] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A validated request of an authenticated caller.

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
        """The organization in the path, the query or the body, else the default one (`Caller.org`)."""
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
    """The endpoints' groups, in the document's order."""

    ORGANIZATIONS = "Organizations"
    RUNS = "Agent runs"
    ANALYSIS = "Set-up and logs"
    MULTI_RUNS = "Multi-runs"
    STARS = "Stars"
    OVERVIEW = "Overview and help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint.

    :param name: unique; the OpenAPI operationId
    :param answer: serializes the response
    :param refusals: error statuses besides those that all endpoints have
    :param largest_body: bytes that a body may have
    :param is_kept: whether the response carries an ETag and If-None-Match is answered with 304
    :param example: the path and query of the example, which works against the demo
    :param example_body: its body
    :param example_before: shell commands to run before it
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
    """:raises Problem: if an id in the path is invalid"""
    found = {}
    for name, text in request.match_info.items():
        if name == "multi_run_id":
            continue
        try:
            found[name] = _ID.validate_python(text)
        except ValidationError:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"{name} in the path must be a whole number of at least 1.",
                errors=[{"field": name, "message": "is not a whole number of at least 1"}],
            ) from None
    return found


def read_query(request: web.Request, model: type[M]) -> M:
    """:raises Problem: naming each invalid parameter"""
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
    """Parses the body, which may be omitted if the model requires no field.

    :param largest: bytes that it may have
    :raises Problem: naming each invalid field
    """
    if not request.can_read_body and not needs_body(model):
        return model()
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    sent = await bodies.read(request, largest=largest)
    try:
        return model.model_validate_json(sent)
    except ValidationError as error:
        if any(problem["type"] == "json_invalid" for problem in error.errors()):
            raise Problem(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None
        raise _misfit(_errors(error)) from None


def needs_body(model: type[BaseModel]) -> bool:
    """Whether any field is required."""
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
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"Validation failed: {told}.", errors=errors)
