"""What an engine needs around it: invocations, a GitHub that can fail or hang, and a workflow to execute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dbos import DBOS
from sqlalchemy.engine import Engine as Database

from bot.commands.registry import Command
from bot.commands.run import Run
from bot.engine.dbos_runtime import VERSION
from bot.engine.engine import Engine
from bot.engine.membership import Membership, new_executor_id
from bot.execution.context import CommandContext
from bot.execution.invocation import CommandInvocation
from bot.execution.permissions import RecentPermissions
from bot.execution.reply import Reply
from bot.execution.services import Services
from bot.github.models import Comment, CommentKind, Permission, Person, PullRequest, Thread
from bot.storage.database import is_shared, one_process
from bot.storage.executors import Executors
from bot.text.markers import Stage
from bot.text.offload.pool import WorkerPool
from tests.harness import TIMEOUT

PULL_REQUEST = PullRequest(
    number=1,
    title="Fix the checkout",
    body="",
    url="https://github.com/octo/shop/pull/1",
    state="open",
    head_branch="fix",
    head_sha="0" * 40,
    base_branch="main",
    head_repository=None,
)


RUN = Run("fix it", images=("https://example.com/a.png",))


def an_invocation(
    identity: str = "issue-comment-7-abc-0",
    *,
    title: str = "Fix the checkout",
    login: str = "alice",
    command: Command = RUN,
) -> CommandInvocation:
    person = Person(login, is_bot=False)
    return CommandInvocation(
        identity=identity,
        command=command,
        thread=Thread(
            repository="octo/shop",
            number=1,
            is_pull_request=True,
            title=title,
            body="",
            url="https://github.com/octo/shop/pull/1",
            author="alice",
            is_private=False,
        ),
        comment=Comment(
            kind=CommentKind.ISSUE_COMMENT,
            id=7,
            body="/codegen run fix it",
            author=person,
            url="https://github.com/octo/shop/pull/1#issuecomment-7",
        ),
        person=person,
        requested_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
        prefix="/codegen",
    )


LEASE = 2.0
"""Seconds; longer than a busy machine keeps a heartbeat waiting."""


class FakeGitHub:
    """Two questions, each of which is a step of a workflow.

    :param ring: is called at each question
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self.asked: list[str] = []
        self.failures: dict[str, Exception] = {}
        self.open = asyncio.Event()
        self.open.set()
        self._ring = ring

    async def permission(self, _repository: str, login: str) -> Permission:
        """Fails for those who are in `failures`."""
        self._note(f"permission of {login}")
        if login in self.failures:
            raise self.failures[login]
        return Permission.WRITE

    async def pull_request(self, _repository: str, number: int) -> PullRequest:
        """Hangs while `open` is not set."""
        self._note(f"pull request {number}")
        await self.open.wait()
        return PULL_REQUEST

    def _note(self, question: str) -> None:
        self.asked.append(question)
        self._ring()


class World:
    """Who listens to one or several engines in turn."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._bell = asyncio.Event()
        self.github = FakeGitHub(self._bell.set)
        self.begun: list[CommandInvocation] = []
        self.caught: dict[str, list[Exception]] = {}
        self.ended: list[tuple[str, Stage | None]] = []
        self.given_up: list[tuple[str, int]] = []
        self.replaced = asyncio.Event()
        self.loop_blocked = 60.0
        self.drain = 0.0
        self.membership: Membership
        self.execute: Callable[[CommandContext], Awaitable[Reply]] = self.two_steps

    async def two_steps(self, ctx: CommandContext) -> Reply:
        self.begun.append(ctx.invocation)
        try:
            await ctx.permission()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is compared
            self.caught.setdefault(ctx.invocation.person.login, []).append(error)
        await ctx.pull_request()
        return Reply(stage=Stage.FINISHED, text="Done.")

    @asynccontextmanager
    async def engine(self, name: str = "test") -> AsyncIterator[Engine]:
        """The bot's engine, until a deployment stops it."""
        nothing: Any = None
        github: Any = self.github
        services = Services(
            codegen=nothing,
            org_id=1,
            github=github,
            runs=nothing,
            stars=nothing,
            quotas=nothing,
            confirmations=nothing,
            configs=nothing,
            permissions=RecentPermissions(github.permission),
            answer_limits=nothing,
            watcher=nothing,
            offload=WorkerPool(),
            run_timeout=60,
            progress_interval=0,
        )
        executors = Executors(self.database, lease=LEASE)
        self.membership = Membership(
            executors,
            executor=new_executor_id(name),
            version=VERSION,
            is_shared=is_shared(self.database),
            period=0.05,
            lease=LEASE,
        )
        engine = Engine(
            self.database,
            self.database,
            self.membership,
            services=services,
            execute=self.execute,
            give_up=self._give_up,
            on_finished=self._heard,
            replaced=self.replaced,
            polling=0.02,
            recovery_interval=0.1,
            loop_blocked=self.loop_blocked,
            drain=self.drain,
        )
        with one_process(self.database):
            await engine.start()
            try:
                yield engine
            finally:
                await engine.stop()

    async def _give_up(self, ctx: CommandContext, times: int) -> Reply:
        self.given_up.append((ctx.invocation.identity, times))
        return Reply(stage=Stage.FAILED, text="Given up.")

    def _heard(self, invocation: CommandInvocation, stage: Stage | None) -> None:
        self.ended.append((invocation.identity, stage))
        self._bell.set()

    async def until_written(self, identity: str, status: str) -> None:
        """Waits until DBOS has noted how a workflow ended, which it does after everybody has heard of it."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                found = await DBOS.get_workflow_status_async(identity)
                if found is not None and found.status == status:
                    return
                await asyncio.sleep(0.01)

    def rows_of_dbos(self) -> int:
        schema = "dbos." if self.database.dialect.name == "postgresql" else ""
        tables = [f"{schema}{name}" for name in ("workflow_status", "operation_outputs")]
        with self.database.connect() as connection:
            counts = [connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables]  # noqa: S608 - ours
        return sum(counts)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Looks again whenever a question was asked or a workflow has ended."""
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                self._bell.clear()
                await self._bell.wait()
