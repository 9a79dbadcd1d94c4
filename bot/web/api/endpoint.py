"""Endpoints and streams as data, and the validated request of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bot.codegen.client import Codegen
from bot.codegen.completion_times import CompletionTimes
from bot.codegen.models import AgentRun
from bot.execution.config_loader import ConfigLoader
from bot.execution.run_patterns import RunPatterns
from bot.execution.services import Stars
from bot.github.client import GitHub
from bot.storage.runs import RunMarks
from bot.text.offload.pool import WorkerPool
from bot.web.api.cache import TokenCache
from bot.web.api.caller import Caller
from bot.web.api.field_messages import field_errors, sentence
from bot.web.api.models import Id
from bot.web.api.multi_run_work import MultiRuns
from bot.web.api.run_index import RunIndexes
from bot.web.bodies import MEGABYTE, RequestBodies
from bot.web.problems import Problem

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel | None)
D = TypeVar("D", bound=BaseModel)

_ID = TypeAdapter(Id)

LARGEST_BODY = 2 * MEGABYTE
"""Bytes of a body without images: the longest texts that a model accepts, partly escaped."""

LARGEST_BODY_WITH_IMAGES = 10 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Staleness:
    """Why a response contains old data, and from when they are."""

    since: datetime
    failure: Exception


STALENESS = web.RequestKey("staleness", Staleness)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """The endpoints' dependencies besides the caller's own token; one instance for the whole server.

    :param own_org_id: the organization that the server itself works for
    :param marks: of runs that carry none themselves
    :param github: the server's own account, which also reads the repositories' `configs`
    :param patterns: the secret patterns for redacting runs' texts
    """

    own_org_id: int
    marks: RunMarks
    stars: Stars
    cache: TokenCache
    indexes: RunIndexes
    ends: CompletionTimes
    github: GitHub
    configs: ConfigLoader
    multi_runs: MultiRuns
    patterns: RunPatterns
    offload: WorkerPool
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse(Generic[D]):
    """The response of an endpoint.

    :param runs: the runs whose texts it contains, in the order of its items if it is a page of them: their
        repositories' secret patterns are applied to it
    """

    document: D
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[AgentRun] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest(Generic[Q, B]):
    """A validated request of an authenticated caller.

    :param ids: those in the path
    """

    request: web.Request
    caller: Caller
    services: ApiServices
    ids: Mapping[str, int]
    query: Q
    body: B

    @property
    def org_id(self) -> int:
        """The organization in the path, the query or the body, else the default one (`Caller.org`)."""
        given = self.ids.get("org_id") or getattr(self.body, "org_id", None) or getattr(self.query, "org_id", None)
        return self.caller.org(given, default=self.services.own_org_id)

    @property
    def run_id(self) -> int:
        return self.ids["agent_run_id"]

    @property
    def codegen(self) -> Codegen:
        """The organization's client, with the caller's token."""
        return self.caller.access.codegen(self.org_id)

    async def cached(
        self,
        resource: str,
        fetch: Callable[[], Awaitable[T]],
        *,
        org_id: int | None = None,
        ttl: float | None = None,
        may_be_stale: bool = False,
    ) -> T:
        """`TokenCache.get` for this caller and organization.

        :param org_id: another organization than the request's; 0 if it is about none
        :param may_be_stale: whether an old value will do if Codegen does not answer; the response is marked then
        """
        key = (self.caller.key, self.org_id if org_id is None else org_id, resource)
        on_stale = self.mark_stale if may_be_stale else None
        return await self.services.cache.get(key, fetch, ttl=ttl, on_stale=on_stale)

    def mark_stale(self, age: float, failure: Exception) -> None:
        """Marks the response: it contains something this old.

        :param age: seconds
        :param failure: why there is nothing newer
        """
        since = self.services.now() - timedelta(seconds=age)
        known = self.request.get(STALENESS)
        if known is None or since < known.since:
            self.request[STALENESS] = Staleness(since, failure)


AnyRequest = ApiRequest[Any, Any]


class NoParameters(BaseModel):
    """The query of an endpoint without parameters."""

    model_config = ConfigDict(extra="forbid")


PlainRequest = ApiRequest[NoParameters, None]
"""One with neither query nor body."""


class Group(StrEnum):
    """The endpoints' groups."""

    ORGANIZATIONS = "Organizations"
    RUNS = "Agent runs"
    ANALYSIS = "Set-up and logs"
    MULTI_RUNS = "Multi-runs"
    STARS = "Stars"
    OVERVIEW = "Overview and help"


@dataclass(frozen=True)
class Endpoint:
    """One endpoint: a POST if it has a body, else a GET. Query, body and response are those in the handler's signature.

    :param handler: its name is the OpenAPI operationId, the first line of its docstring the summary
    :param refusals: error statuses besides those that all endpoints have
    :param has_etag: whether the response carries an ETag, and If-None-Match is answered with 304
    :param example_query: of the example, which works against the demo
    :param example_body: the same
    """

    group: Group
    path: str
    handler: Callable[[Any], Awaitable[ApiResponse[Any]]]
    _: KW_ONLY
    status: HTTPStatus = HTTPStatus.OK
    refusals: tuple[HTTPStatus, ...] = ()
    has_etag: bool = False
    example_query: str = ""
    example_body: str = ""

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def summary(self) -> str:
        return (self.handler.__doc__ or "").partition("\n")[0]

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    @cached_property
    def query(self) -> type[BaseModel]:
        return self._types()[0]

    @cached_property
    def body(self) -> type[BaseModel] | None:
        return self._types()[1]

    @cached_property
    def response_model(self) -> type[BaseModel]:
        """The model of the response's document."""
        return self._types()[2]

    @property
    def largest_body(self) -> int:
        """Bytes that a body may have."""
        has_images = self.body is not None and "images" in self.body.model_fields
        return LARGEST_BODY_WITH_IMAGES if has_images else LARGEST_BODY

    def _types(self) -> tuple[type[BaseModel], type[BaseModel] | None, type[BaseModel]]:
        hints = get_type_hints(self.handler)
        query, body = get_args(hints["call"])
        return query, None if body is NoneType else body, get_args(hints["return"])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A GET answered as a WebSocket, or as `text/event-stream` if the client accepts that.

    :param name: the OpenAPI operationId
    :param frames: the types of its messages, besides `error`
    """

    name: str
    path: str
    summary: str
    query: type[BaseModel] = NoParameters
    frames: tuple[str, ...]


def read_ids(request: web.Request) -> dict[str, int]:
    """:raises Problem: if an id in the path is invalid"""
    found = {}
    for name, text in request.match_info.items():
        if name == "multi_run_id":
            continue
        try:
            found[name] = _ID.validate_python(text)
        except ValidationError:
            raise invalid(name, "is not a whole number of at least 1") from None
    return found


def read_query(request: web.Request, model: type[M]) -> M:
    """:raises Problem: naming each invalid parameter"""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name == "api_key":
            continue
        if name in given:
            raise invalid(name, "is given twice")
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _invalid(field_errors(error, model, kind="parameter")) from None


async def read_body(request: web.Request, model: type[M], bodies: RequestBodies, *, largest: int = LARGEST_BODY) -> M:
    """Parses the body, which may be omitted if the model requires no field.

    :param largest: bytes that it may have
    :raises Problem: naming each invalid field
    """
    if not request.can_read_body and not needs_body(model):
        return model()
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    body = await bodies.read(request, largest=largest)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if any(problem["type"] == "json_invalid" for problem in error.errors()):
            raise Problem(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None
        raise _invalid(field_errors(error, model, kind="field")) from None


def needs_body(model: type[BaseModel]) -> bool:
    """Whether any field is required."""
    try:
        model()
    except ValidationError:
        return True
    return False


def invalid(field: str, message: str) -> Problem:
    """The error for an invalid field of the body, or parameter.

    :param message: continues a sentence that begins with the field
    """
    return _invalid([{"field": field, "message": message}])


def _invalid(errors: list[dict[str, str]]) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence(errors), errors=errors)
