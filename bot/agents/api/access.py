"""Who calls, and what: tokens, paths, queries and bodies of requests, and the errors of Codegen's API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.agents.api.github import GitHubAccount, KnownRepositories
from bot.agents.config import AgentsConfig
from bot.agents.tokens import Caller, Tokens
from bot.storage.agent_checks import AgentChecks
from bot.storage.agent_costs import AgentCosts
from bot.storage.agent_models import StoredRun
from bot.storage.agent_users import AgentUsers
from bot.storage.agents import AgentStore
from bot.storage.queries import run_in_thread

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

ORGANIZATION = 1
"""The number of the one organization."""

MEGABYTE = 1024 * 1024

LARGEST_BODY = 32 * MEGABYTE
"""Images are part of it. Only callers with a token can send one."""

BODY_TIMEOUT = 60.0
"""Seconds for reading a body."""

HIGHEST_ID = 2**63 - 1


class WebUrl(Protocol):
    """The address of a run's page; None if there is no page."""

    def __call__(self, run_id: int) -> str | None: ...


class PassOn(Protocol):
    """`bot.agents.delegated.pass_on`."""

    async def __call__(self, operation: str, run: StoredRun) -> None: ...


async def nowhere(operation: str, run: StoredRun) -> None:
    """There are no runs of Codegen's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsApi:
    """What the operations need.

    :param github: the bot's own account
    :param web_url: of a run's page on the dashboard
    :param on_turn: called when there is a new turn, so that a worker in this process takes it at once
    :param pass_on: passes a flag of a run on to Codegen, if Codegen does its work
    :param own_login: of the user that the bot's own clients are: its requests are those of the people they name
    """

    store: AgentStore
    costs: AgentCosts
    checks: AgentChecks
    users: AgentUsers
    tokens: Tokens
    config: AgentsConfig
    github: GitHubAccount
    repositories: KnownRepositories
    now: Callable[[], datetime]
    web_url: WebUrl = lambda run_id: None  # noqa: ARG005
    on_turn: Callable[[], None] = lambda: None
    pass_on: PassOn = nowhere
    own_login: str | None = None

    def is_delegated(self, run: StoredRun) -> bool:
        """Whether Codegen's API does the work of a run."""
        agent = self.config.agents.get(run.agent)
        return agent is not None and agent.is_delegated


class RefusedError(Exception):
    """Ends a request with an error response.

    :param args: the status, the JSON document, and headers
    """

    def __init__(
        self, status: HTTPStatus, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, document, headers)
        self.status = status
        self.document = document
        self.headers = headers


def refused(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> RefusedError:
    """An error as Codegen's API describes it."""
    return RefusedError(status, {"message": message, "status_code": int(status)}, headers)


def invalid(place: tuple[str | int, ...], message: str, kind: str = "value_error") -> RefusedError:
    """A validation error as Codegen's API, which FastAPI serves, describes it."""
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, {"detail": [{"type": kind, "loc": [*place], "msg": message}]})


@dataclass(frozen=True, slots=True)
class Call:
    """A request with a valid token, to an organization that exists."""

    api: AgentsApi
    request: web.Request
    caller: Caller

    @property
    def user_id(self) -> int:
        return self.caller.user.id

    def path_id(self, name: str) -> int:
        return path_id(self.request, name)

    def query(self, model: type[M]) -> M:
        """:raises RefusedError: 422"""
        return _validated(lambda: model.model_validate(dict(self.request.query)), "query")

    async def body(self, model: type[M]) -> M:
        """:raises RefusedError: 422; 413 if it is too large, 408 if it takes too long, 400 if it is cut off"""
        content = await _read(self.request)
        return await run_in_thread(partial(_validated, partial(model.model_validate_json, content or b"null"), "body"))

    async def stored(self, work: Callable[[], T]) -> T:
        """The result of a blocking call of a store."""
        return await run_in_thread(work)


async def authenticate(api: AgentsApi, request: web.Request) -> Caller:
    """:raises RefusedError: 401"""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    caller = None
    if scheme.lower() == "bearer" and token.strip():
        caller = await run_in_thread(partial(api.tokens.caller_of, token.strip()))
    if caller is None:
        raise refused(
            HTTPStatus.UNAUTHORIZED,
            "The API token is missing or not valid. Make one with: codegen-bot agents token create LOGIN",
            {"WWW-Authenticate": "Bearer"},
        )
    return caller


def check_organization(org_id: int) -> None:
    """:raises RefusedError: 403"""
    if org_id != ORGANIZATION:
        raise refused(
            HTTPStatus.FORBIDDEN,
            f"You do not have access to organization {org_id}: agents of your own have one, number {ORGANIZATION}.",
        )


def path_id(request: web.Request, name: str) -> int:
    """An id of the path.

    :raises RefusedError: 422
    """
    text = request.match_info[name]
    try:
        number = int(text) if text.isascii() and len(text) <= len(str(HIGHEST_ID)) else None
    except ValueError:
        number = None
    if number is None or abs(number) > HIGHEST_ID:
        raise invalid(("path", name), "Input should be a valid integer", "int_parsing")
    return number


def _validated(validate: Callable[[], M], where: str) -> M:
    try:
        return validate()
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        detail = [{**problem, "loc": [where, *problem["loc"]]} for problem in problems]
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, {"detail": detail}) from None


async def _read(request: web.Request) -> bytes:
    """The body. aiohttp's own limit is that of the application that this one is mounted in."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > LARGEST_BODY:
                    message = f"The body is larger than {LARGEST_BODY // MEGABYTE} MB."
                    raise refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    except TimeoutError:
        message = f"The body did not arrive within {BODY_TIMEOUT:g} seconds."
        raise refused(HTTPStatus.REQUEST_TIMEOUT, message) from None
    except (ConnectionError, web.RequestPayloadError):
        raise refused(HTTPStatus.BAD_REQUEST, "The body is incomplete.") from None
    return bytes(body)
