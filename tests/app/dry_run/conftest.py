"""A dry run as an entry point starts it, between both emulators, whose journals show what was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.app.clients import Timing
from bot.app.direct import Direct, directly
from bot.codegen.polling import PollInterval
from bot.commands.registry import Command
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.execution.invocation import Authority, CommandInvocation
from bot.execution.outcome import CommandResult
from bot.github.models import Comment, CommentKind, Person
from bot.settings.model import Accounts
from tests.harness.server import emulators

CODEGEN_TOKEN = "sk-org1-a-token-of-codegen"
GITHUB_TOKEN = "bot-token"
SHOP = "octo/shop"


@dataclass
class Rehearsal:
    """An executor that writes nothing, and what it would have written."""

    direct: Direct
    github: GitHubEmulator
    codegen: CodegenEmulator
    shown: list[str] = field(default_factory=list)

    async def of(self, invocation: CommandInvocation) -> CommandResult:
        return await self.direct.inline_executor.execute(invocation)

    async def by_token(self, command: Command, *, thread: int | None = 1) -> CommandInvocation:
        """As a workflow's step or the command line gives it: nothing is posted."""
        return CommandInvocation(
            identity="step-1",
            command=command,
            thread=await self.direct.clients.github.thread(SHOP, thread) if thread else None,
            repository=None if thread else SHOP,
            comment=None,
            person=Person("alice", is_bot=False),
            requested_at=self.direct.timing.now(),
            prefix="/codegen",
            authority=Authority.TOKEN,
            posts=False,
        )

    async def by_comment(self, command: Command, *, login: str = "alice") -> CommandInvocation:
        """As a user writes it on the pull request."""
        author, comment = Person(login, is_bot=False), self.github.comment(login, 1, "/codegen ...")
        thread = await self.direct.clients.github.thread(SHOP, 1)
        url = f"{thread.url}#issuecomment-{comment.id}"
        return CommandInvocation(
            identity=f"c-{comment.id}-0",
            command=command,
            thread=thread,
            comment=Comment(kind=CommentKind.ISSUE_COMMENT, id=comment.id, body=comment.body, author=author, url=url),
            person=author,
            requested_at=self.direct.timing.now(),
            prefix="/codegen",
        )

    @property
    def text(self) -> str:
        """What was shown, without the emulators' addresses."""
        text = "".join(f"{each}\n" for each in self.shown)
        return text.replace(self.github.url, "GITHUB").replace(self.codegen.url, "CODEGEN")

    @property
    def calls(self) -> list[str]:
        """Each call's first line."""
        return [line for line in self.text.splitlines() if not line.startswith(" ")]


def written(emulator: GitHubEmulator | CodegenEmulator) -> list[str]:
    """The paths of the requests that arrived and are no reads; the bot's own login is read by a query."""
    query = {"query": "query { viewer { login } }"}
    return [
        each.path
        for each in emulator.control.journal
        if each.method != "GET" and (each.method, each.path, each.body) != ("POST", "/graphql", query)
    ]


def settings(github: GitHubEmulator, codegen: CodegenEmulator, **more: object) -> Accounts:
    given: dict[str, object] = {
        "codegen_api_token": CODEGEN_TOKEN,
        "codegen_org_id": 1,
        "codegen_api_base_url": codegen.url,
        "github_token": GITHUB_TOKEN,
        "github_api_url": github.url,
    }
    return Accounts.model_validate({**given, **more})


@pytest.fixture
async def rehearsal() -> AsyncIterator[Rehearsal]:
    """Pull request 1 has a failed check, and was opened by run 1. Every test ends with a look at what was sent."""
    async with emulators(GitHubEmulator(), CodegenEmulator(run_seconds=0.0)) as (github, codegen):
        head, log = github.world.threads[1].head_sha, "##[error]The total is off by a cent."
        github.world.add_check_run("test", head, conclusion="failure", app="github-actions", log=log)
        codegen.start_elsewhere("something")
        codegen.open_pull_request(1, f"{SHOP}#1")
        codegen.refresh()
        shown: list[str] = []
        async with directly(
            settings(github, codegen), timing=Timing(run_poll_interval=PollInterval(longest=0.1)), dry_run=shown.append
        ) as direct:
            yield Rehearsal(direct, github, codegen, shown)
        assert written(github) == []
        assert written(codegen) == []
        assert len(codegen.runs) == 1
