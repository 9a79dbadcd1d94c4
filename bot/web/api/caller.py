"""A caller of the HTTP API: a Codegen token, what it gives access to, and the organizations it may use.

The server never uses its own Codegen token for callers. On GitHub it acts as itself, only for the organization that it
works for, and only if the GitHub account of the token's owner may do the same: a user who may start agents at Codegen
need not have any permission in a repository.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus

from cachetools import TTLCache

from bot import log
from bot.codegen.client import Codegen
from bot.codegen.models import Organization
from bot.errors import UpstreamError
from bot.execution.agent_types import KnownAgents
from bot.execution.context import CommandContext
from bot.execution.invocation import CommandInvocation
from bot.execution.on_github.inline_executor import InlineExecutor
from bot.execution.outcome import CommandResult
from bot.execution.reply import Reply
from bot.execution.services import Services
from bot.execution.steps import no_step_store
from bot.github.client import GitHub
from bot.github.models import Permission
from bot.web.problems import Problem

_log = log.get(__name__)

HOW_SERVED = "Its setting API_ORGANIZATIONS names those that it serves besides its own."

PERMISSION_TTL = 60.0
"""Seconds for which the permission of the token's owner in a repository is cached."""

MOST_PERMISSIONS = 100
"""Repositories whose permission is cached, for each token."""


class TokenAccess:
    """What one token gives access to.

    :param services_for: makes the services for an organization's commands, with the token's own clients
    :param own_org_id: the organization that the server itself works for
    :param github: the server's own account
    """

    def __init__(self, services_for: Callable[[int], Services], *, own_org_id: int, github: GitHub) -> None:
        self._services_for = services_for
        self._own_org_id = own_org_id
        self._github = github
        self._services: dict[int, Services] = {}
        self._login: str | None = None
        self._permissions: TTLCache[str, Permission] = TTLCache(MOST_PERMISSIONS, PERMISSION_TTL)

    def codegen(self, org_id: int) -> Codegen:
        """Codegen's client for an organization; all of a token's clients share its limits."""
        return self._of(org_id).codegen

    def agents(self, org_id: int) -> KnownAgents:
        """The agents that a run may name."""
        return self._of(org_id).agents

    def has_own_agents(self, org_id: int) -> bool:
        """Whether they are the bot's own, and not Codegen's."""
        return self._of(org_id).has_own_agents

    def ctx(self, org_id: int, invocation: CommandInvocation, *, may_have_run: bool) -> CommandContext:
        """:param may_have_run: whether the invocation may have been started before"""
        return CommandContext(invocation, self._of(org_id), no_step_store, may_have_run=may_have_run)

    async def execute(
        self,
        org_id: int,
        invocation: CommandInvocation,
        *,
        on_reply: Callable[[CommandInvocation, Reply], None] = lambda _invocation, _reply: None,
        run_timeout: float | None = None,
    ) -> CommandResult:
        """Executes the command, as `InlineExecutor` does.

        :param on_reply: called with every state of the reply
        :param run_timeout: seconds for waiting for runs; None: the default
        """
        services = replace(self._of(org_id), on_reply=on_reply)
        if run_timeout is not None:
            services = replace(services, run_timeout=run_timeout)
        return await InlineExecutor(services).execute(invocation)

    async def permission(self, org_id: int, repository: str) -> Permission:
        """The permission of the token owner's GitHub account in a repository; NONE if unknown. Requested at most once a
        minute for each repository, also if GitHub does not respond.
        """
        if org_id != self._own_org_id:
            return Permission.NONE
        permission = self._permissions.get(repository)
        if permission is None:
            permission = self._permissions[repository] = await self._request_permission(repository)
        return permission

    async def login(self) -> str:
        """The GitHub login of the token's owner; requested once.

        :raises UpstreamError: if the request to Codegen fails
        """
        if self._login is None:
            self._login = (await self.codegen(self._own_org_id).me()).github_username
        return self._login

    async def aclose(self) -> None:
        for services in self._services.values():
            await services.watcher.aclose()

    def _of(self, org_id: int) -> Services:
        if org_id not in self._services:
            may_write = partial(self._may_write, org_id)
            self._services[org_id] = replace(self._services_for(org_id), may_write=may_write)
        return self._services[org_id]

    async def _may_write(self, org_id: int, repository: str) -> bool:
        return await self.permission(org_id, repository) >= Permission.WRITE

    async def _request_permission(self, repository: str) -> Permission:
        try:
            return await self._github.permission(repository, await self.login())
        except UpstreamError as error:
            _log.warning("permission.unreadable", repository=repository, reason=str(error))
            return Permission.NONE


@dataclass(eq=False, slots=True)
class Caller:
    """One token.

    :param key: the token's digest
    :param requests: times of the recent ones
    :param organizations: those that it sees and the server serves
    :param unserved: the ids of the others that it sees
    :param checked_at: clock time of the last fetch of its organizations
    :param in_progress: number of operations that continue after their requests were answered
    """

    key: str
    access: TokenAccess
    requests: deque[float] = field(default_factory=deque)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    organizations: tuple[Organization, ...] = ()
    unserved: frozenset[int] = frozenset()
    checked_at: float = float("-inf")
    in_progress: int = 0

    @property
    def is_accepted(self) -> bool:
        """Whether Codegen has ever accepted it."""
        return self.checked_at > float("-inf")

    def org(self, given: int | None, *, default: int | None = None) -> int:
        """The organization to use: the given one, else the server's own, else the only one.

        :raises Problem: if the server does not serve it, the token does not see it, or there are several candidates.
            Whether an organization that the token does not see exists is not revealed.
        """
        seen = [organization.id for organization in self.organizations]
        if given is not None:
            if given in self.unserved:
                raise Problem(HTTPStatus.FORBIDDEN, f"This server does not serve organization {given}. {HOW_SERVED}")
            if given not in seen:
                raise Problem(HTTPStatus.NOT_FOUND, f"This token sees no organization {given}.")
            return given
        if default in seen and default is not None:
            return default
        if len(seen) == 1:
            return seen[0]
        numbers = ", ".join(map(str, seen))
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"This token sees several organizations ({numbers}): name one by org_id.",
            errors=[{"field": "org_id", "message": "is needed, because the token sees several organizations"}],
        )
