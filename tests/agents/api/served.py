"""The agents' API on a port of its own, with a GitHub account that tests write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp
from aiohttp.test_utils import TestServer
from sqlalchemy.engine import Engine

from bot.agents.api.access import AgentsApi
from bot.agents.api.application import application
from bot.agents.api.github import KnownRepositories
from bot.agents.config import Agent, AgentsConfig
from bot.agents.preset import Preset
from bot.agents.tokens import Tokens, create_token
from bot.errors import UpstreamError
from bot.github.models import CheckRun, Permission, Person, PullRequest, Repository
from bot.storage.agent_checks import AgentChecks
from bot.storage.agent_costs import AgentCosts
from bot.storage.agent_users import AgentUsers
from bot.storage.agents import AgentStore
from tests.codegen.description import PLACE, operation_at

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)

ORG = "/v1/organizations/1"


def a_repository(number: int, name: str) -> Repository:
    url = f"https://github.com/{name}.git"
    return Repository(id=number, name=name, clone_url=url, default_branch="main", is_private=True, language="Python")


@dataclass
class Account:
    """The bot's GitHub account.

    :param states: of pull requests, as they were set
    :param failure: raised by every call
    """

    known: list[Repository] = field(
        default_factory=lambda: [a_repository(101, "octo/shop"), a_repository(102, "octo/docs")]
    )
    permissions: dict[str, Permission] = field(default_factory=lambda: {"alice": Permission.WRITE})
    states: dict[tuple[str, int], str] = field(default_factory=dict)
    failure: UpstreamError | None = None
    lists: int = 0

    async def me(self) -> Person:
        self._check()
        return Person("codegen-bot[bot]", is_bot=True)

    async def permission(self, repository: str, login: str) -> Permission:
        self._check()
        return self.permissions.get(login, Permission.NONE)

    async def repositories(self) -> list[Repository]:
        self._check()
        self.lists += 1
        return [*self.known]

    async def check_runs(self, repository: str, ref: str) -> list[CheckRun]:
        self._check()
        assert ref == "main"
        return [CheckRun(id=1, name=name, status="completed") for name in ("test", "lint", "test")]

    async def edit_pull_request(
        self, repository: str, number: int, *, state: Literal["open", "closed"] | None = None
    ) -> PullRequest:
        assert state is not None
        return self._edited(repository, number, state)

    async def set_draft(self, repository: str, number: int, *, is_draft: bool) -> PullRequest:
        return self._edited(repository, number, "draft" if is_draft else "ready_for_review")

    def _edited(self, repository: str, number: int, state: str) -> PullRequest:
        self._check()
        self.states[repository, number] = state
        return PullRequest(
            number=number,
            title="Fix it",
            url=f"https://github.com/{repository}/pull/{number}",
            state="open",
            head_branch="codegen/run-1",
            head_sha="1" * 40,
            base_branch="main",
            head_repository=repository,
        )

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure


def an_agent(name: str, preset: str = "") -> Agent:
    return Agent(name=name, preset=Preset(name=preset or name, command=(name,), install=""), command=(name,))


CONFIG = AgentsConfig(
    agents={name: an_agent(name) for name in ("opencode", "claude", "my-fixer", "codegen")}, default="opencode"
)


@dataclass
class Served:
    """The API while it is served.

    :param alice: her token
    :param own: the bot's own
    :param turns: how often a worker was woken
    """

    api: AgentsApi
    account: Account
    url: str
    alice: str
    bob: str
    own: str
    session: aiohttp.ClientSession
    turns: int = 0

    async def call(self, method: str, path: str, body: Any = None, *, token: str | None = "", **query: Any) -> Any:
        """The response's JSON; its status is in `status`. Judged by Codegen's description, where that is at hand.

        :param token: Alice's, unless it is another one or None
        """
        headers = {} if token is None else {"Authorization": f"Bearer {token or self.alice}"}
        request = self.session.request(method, self.url + path, json=body, headers=headers, params=query)
        async with request as response:
            document = await response.json()
            self.status, self.headers = response.status, response.headers
        # 403, 413 and 5xx are answered everywhere, but described here and there.
        if PLACE.exists() and self.status in {200, 400, 402, 404, 422}:
            judged = path.replace("/agent/run/cancel", "/agent/run/unban")
            if judged.endswith("/logs"):
                judged = judged.replace("/v1/organizations", "/v1/alpha/organizations")
            operation_at(method, judged).check_answer(self.status, document)
        return document

    async def create(self, prompt: str = "Fix the flaky test", **body: Any) -> Any:
        run = await self.call("POST", f"{ORG}/agent/run", {"prompt": prompt, **body})
        assert self.status == 200, run
        return run

    status: int = 0
    headers: Any = None


@asynccontextmanager
async def served(database: Engine, *, config: AgentsConfig = CONFIG) -> AsyncIterator[Served]:
    users, account = AgentUsers(database), Account()
    tokens = Tokens(users)
    alice, bob, own = (create_token(users, name, now=lambda: NOW) for name in ("alice", "bob", "the-bot"))
    api = AgentsApi(
        store=AgentStore(database),
        costs=AgentCosts(database),
        checks=AgentChecks(database),
        users=users,
        tokens=tokens,
        config=config,
        github=account,
        repositories=KnownRepositories(account),
        now=lambda: NOW,
        web_url=lambda run_id: f"https://bot.example/runs/{run_id}",
        own_login="the-bot",
    )
    async with aiohttp.ClientSession() as session:
        found = Served(api, account, "", alice, bob, own, session)

        def woken() -> None:
            found.turns += 1

        found.api = replace(api, on_turn=woken)
        async with TestServer(application(found.api)) as server:
            found.url = str(server.make_url("")).rstrip("/")
            yield found
