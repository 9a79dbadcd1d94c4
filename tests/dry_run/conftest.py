"""A dry run as an entry point starts it, and a watch over the process's sockets."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.app.clients import Timing
from bot.app.direct import Direct, directly
from bot.commands.table import Command
from bot.github.models import Comment, CommentKind, Person, Thread
from bot.handlers.invocation import Authority, CommandInvocation
from bot.settings import Accounts
from bot.stateless.inline_executor import CommandResult

CODEGEN_TOKEN = "sk-a-token-of-codegen"
GITHUB_TOKEN = "a-plain-word-for-github"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SHOP = "octo/shop"

PULL_REQUEST = Thread(
    repository=SHOP,
    number=12,
    is_pull_request=True,
    title="Checkout",
    body="",
    url="https://github.com/octo/shop/pull/12",
    author="alice",
    is_private=True,
)


def settings(**more: Any) -> Accounts:
    given = {"codegen_api_token": CODEGEN_TOKEN, "codegen_org_id": 1, "github_token": GITHUB_TOKEN}
    return Accounts(**{**given, **more})


def by_token(
    command: Command, *, thread: Thread | None = PULL_REQUEST, repository: str | None = None
) -> CommandInvocation:
    """As a workflow's step or the command line gives it: nothing is posted."""
    return CommandInvocation(
        identity="step-1",
        command=command,
        thread=thread,
        repository=repository,
        comment=None,
        person=Person("alice", is_bot=False),
        asked_at=NOW,
        prefix="/codegen",
        authority=Authority.TOKEN,
        posts=False,
    )


def by_comment(command: Command, *, identity: str = "c-77-0") -> CommandInvocation:
    """As somebody says it on the pull request."""
    alice = Person("alice", is_bot=False)
    url = f"{PULL_REQUEST.url}#issuecomment-77"
    return CommandInvocation(
        identity=identity,
        command=command,
        thread=PULL_REQUEST,
        comment=Comment(kind=CommentKind.ISSUE_COMMENT, id=77, body="/codegen ...", author=alice, url=url),
        person=alice,
        asked_at=NOW,
        prefix="/codegen",
    )


@dataclass
class Rehearsal:
    """A desk that sends nothing, and what it would have sent."""

    direct: Direct
    told: list[str] = field(default_factory=list)

    async def of(self, invocation: CommandInvocation) -> CommandResult:
        return await self.direct.inline_executor.execute(invocation)

    @property
    def text(self) -> str:
        return "\n".join(self.told) + "\n"

    def calls(self, *, changes: bool = False) -> list[str]:
        """Each call's first line, without the APIs' addresses.

        :param changes: only what would change something
        """
        lines = [each.split("\n")[0] for each in self.told]
        plain = [line.replace("https://api.github.com", "").replace("https://api.codegen.com/v1", "") for line in lines]
        return [line for line in plain if not (changes and line.startswith("GET "))]


@pytest.fixture
async def rehearsal() -> AsyncIterator[Rehearsal]:
    told: list[str] = []
    async with directly(settings(), timing=Timing(now=lambda: NOW), dry_run=told.append) as direct:
        yield Rehearsal(direct, told)


class _Watch:
    """Python tells of every connection and every look-up of a name; a hook stays for the life of the process."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
            self.seen.append(event)


@pytest.fixture(scope="session")
def _watch() -> _Watch:
    return _Watch()


@pytest.fixture(autouse=True)
def nothing_is_sent(_watch: _Watch) -> Callable[[], None]:
    """Every test of a dry run ends with a look at what went out."""
    _watch.seen.clear()

    def look() -> None:
        assert _watch.seen == []

    return look
