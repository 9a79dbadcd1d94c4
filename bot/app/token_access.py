"""What one caller's Codegen token can access, for the HTTP API: clients, watchers and an executor per organization.

The server never uses its own Codegen token for callers. On GitHub it acts as itself, only for the organization that it
works for, and only if the GitHub account of the token's owner may do the same: a user who may start agents at Codegen
need not have any permission in a repository.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import httpx

from bot import log
from bot.app.clients import Clients, Timing
from bot.codegen.client import Codegen
from bot.codegen.polling import UpstreamRuns
from bot.codegen.watcher import RunWatcher
from bot.completion_times import CompletionTimes, ObservingRunSource
from bot.errors import UpstreamError
from bot.github.cache import BoundedCache
from bot.github.models import Permission
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.services import Services
from bot.handlers.steps import no_step_store
from bot.replies.reply import Reply
from bot.settings import Settings
from bot.stateless.inline_executor import CommandResult, InlineExecutor

_log = log.get(__name__)

RIGHTS_KEPT = 60.0
"""Seconds for which the permission of the token's owner in a repository is cached."""

MOST_RIGHTS = 100
"""Repositories whose permission is cached, for each token."""


@dataclass(frozen=True, slots=True)
class _Organization:
    codegen: Codegen
    watcher: RunWatcher
    services: Services


class TokenAccess:
    """`bot.web.api.authentication.Access`.

    :param token: the caller's own
    :param worlds: the server's clients, of which only GitHub's is used, and only for its own organization
    :param nobody: the same without any permission on GitHub, for all other organizations
    :param services: the server's own, to be copied with the caller's clients
    """

    def __init__(
        self,
        token: str,
        *,
        settings: Settings,
        http: httpx.AsyncClient,
        worlds: Clients,
        nobody: Clients,
        services: Services,
        timing: Timing,
        ends: CompletionTimes,
    ) -> None:
        self._token = token
        self._settings = settings
        self._http = http
        self._worlds = worlds
        self._nobody = nobody
        self._services = services
        self._timing = timing
        self._ends = ends
        self._limits = timing.limits(worlds.observer)
        self._organizations: dict[int, _Organization] = {}
        self._login: str | None = None
        self._rights: BoundedCache[tuple[Permission, float]] = BoundedCache(MOST_RIGHTS)

    def codegen(self, org_id: int) -> Codegen:
        return self._of(org_id).codegen

    def ctx(self, org_id: int, invocation: CommandInvocation, *, again: bool) -> CommandContext:
        return CommandContext(invocation, self._of(org_id).services, no_step_store, again=again)

    async def execute(
        self,
        org_id: int,
        invocation: CommandInvocation,
        *,
        told: Callable[[CommandInvocation, Reply], None] = lambda _invocation, _reply: None,
        patience: float | None = None,
    ) -> CommandResult:
        services = replace(self._of(org_id).services, told=told)
        if patience is not None:
            services = replace(services, run_timeout=patience)
        return await InlineExecutor(services).execute(invocation)

    async def permission(self, org_id: int, repository: str) -> Permission:
        """Requested at most once a minute for each repository, also if GitHub does not respond."""
        if org_id != self._settings.codegen_org_id:
            return Permission.NONE
        now = time.monotonic()
        has, until = self._rights.get(repository, (Permission.NONE, now))
        if now >= until:
            has = await self._ask_permission(org_id, repository)
            self._rights[repository] = has, time.monotonic() + RIGHTS_KEPT
        return has

    async def _may_write(self, org_id: int, repository: str) -> bool:
        return await self.permission(org_id, repository) >= Permission.WRITE

    async def _ask_permission(self, org_id: int, repository: str) -> Permission:
        try:
            if self._login is None:
                self._login = (await self.codegen(org_id).me()).github_username
            return await self._worlds.github.permission(repository, self._login)
        except UpstreamError as error:
            _log.warning("permission.unreadable", repository=repository, reason=str(error))
            return Permission.NONE

    async def aclose(self) -> None:
        for organization in self._organizations.values():
            await organization.watcher.aclose()

    def _of(self, org_id: int) -> _Organization:
        if org_id not in self._organizations:
            codegen = Codegen(
                self._token,
                org_id=org_id,
                base_url=self._settings.codegen_api_base_url,
                http=self._http,
                limits=self._limits,
                sleep=self._timing.sleep,
                observer=self._worlds.observer,
            )
            watcher = RunWatcher(
                ObservingRunSource(UpstreamRuns(codegen), self._ends, org_id),
                shortest=self._timing.shortest,
                longest=self._timing.longest,
                sleep=self._timing.sleep,
            )
            worlds = self._worlds if org_id == self._settings.codegen_org_id else self._nobody
            services = replace(
                self._services,
                codegen=codegen,
                org_id=org_id,
                watcher=watcher,
                github=worlds.github,
                configs=worlds.configs,
                may_write=partial(self._may_write, org_id),
                # API callers wait for the response, and can retry.
                outage_patience=0.0,
            )
            self._organizations[org_id] = _Organization(codegen, watcher, services)
        return self._organizations[org_id]
