"""Codegen's API, one method for each operation that the bot uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from bot.api_path import Segments
from bot.codegen.limits import RateLimits
from bot.codegen.models import (
    AgentRun,
    CheckSuiteChange,
    CheckSuiteSettings,
    EditedPullRequest,
    Integrations,
    LogAnalysis,
    LogEntry,
    LogPage,
    Organization,
    Page,
    Repository,
    RunsPage,
    SetupCommands,
    User,
)
from bot.codegen.transport import Operation, Transport
from bot.errors import ErrorKind, Service, UpstreamError
from bot.observer import NOBODY, Observer

M = TypeVar("M", bound=BaseModel)

PAGE_SIZE = 100
"""The maximum page size of every list."""

CLOCK_SLACK = timedelta(minutes=5)
"""How far Codegen's clock and the local one may differ."""

MARK = "codegen_bot"
"""The key in a run's metadata under which the bot records whose run it is."""

PullRequestState = Literal["open", "closed", "draft", "ready_for_review"]


class Codegen:
    """One organization of Codegen, accessed with one token.

    Every method raises `bot.errors.UpstreamError` and nothing else. Repeatable calls are retried; creating and resuming
    runs is not, unless the request certainly did not arrive.

    :param org_id: Codegen's id of the organization
    :param http: shared by all calls, owned by the caller (`bot.codegen.transport.new_http`)
    :param limits: shared by all clients with the same token
    :param observer: called for every request
    """

    def __init__(
        self,
        token: str,
        *,
        org_id: int,
        base_url: str = "https://api.codegen.com",
        http: httpx.AsyncClient,
        limits: RateLimits | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observer: Observer = NOBODY,
    ) -> None:
        self.limits = limits or RateLimits()
        self._transport = Transport(
            token, base_url=base_url, http=http, limits=self.limits, sleep=sleep, observer=observer
        )
        self._org_id = org_id
        self._org = ("v1", "organizations", org_id)

    # Agent runs

    async def create_run(
        self,
        prompt: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        repo_id: int | None = None,
        model: str | None = None,
        agent_type: str | None = None,
        images: Sequence[str] = (),
    ) -> AgentRun:
        """Starts a run. Not repeatable: after an error with `may_have_happened`, use `find_run`.

        :param images: data URIs, base64
        """
        body = {
            "prompt": prompt,
            "metadata": metadata,
            "repo_id": repo_id,
            "model": model,
            "agent_type": agent_type,
            "images": list(images) or None,
        }
        return await self._once("create_run", (*self._org, "agent", "run"), body, AgentRun, limit="create")

    async def run(self, run_id: int) -> AgentRun:
        return await self._get("run", (*self._org, "agent", "run", run_id), AgentRun)

    async def runs_page(self, number: int, *, user_id: int | None = None, source_type: str | None = None) -> RunsPage:
        """One page of the runs, newest first.

        :param number: from 1
        """
        query = {"user_id": user_id, "source_type": source_type}
        page = await self._page("runs_page", (*self._org, "agent", "runs"), number, query)
        return RunsPage(runs=tuple(_read(AgentRun, item, "runs_page") for item in page.items), total=page.total)

    async def runs_slice(self, *, skip: int, limit: int) -> RunsPage:
        """A slice of the runs, newest first.

        :param skip: runs to leave out
        :param limit: at most 100
        """
        page = await self._get("runs_slice", (*self._org, "agent", "runs"), Page, query={"skip": skip, "limit": limit})
        return RunsPage(runs=tuple(_read(AgentRun, item, "runs_slice") for item in page.items), total=page.total)

    async def runs(self, *, user_id: int | None = None, source_type: str | None = None) -> AsyncIterator[AgentRun]:
        """All runs, newest first; pages are requested as they are needed."""
        number, seen = 1, 0
        known: set[int] = set()
        while True:
            page = await self.runs_page(number, user_id=user_id, source_type=source_type)
            for run in page.runs:
                # A run that began meanwhile has moved the older ones down by one.
                if run.id not in known:
                    known.add(run.id)
                    yield run
            seen += len(page.runs)
            if not page.runs or seen >= page.total:
                return
            number += 1

    async def find_run(self, identity: str, *, since: datetime) -> AgentRun | None:
        """The run with this identity in its metadata, if there is one.

        :param since: when the command was given; older runs are skipped
        """
        async for run in self.runs(source_type=None):
            # First: a run that is older than the command cannot be its run, whatever its metadata says.
            if run.created_at is not None and run.created_at < since - CLOCK_SLACK:
                return None
            mark = (run.metadata or {}).get(MARK)
            if isinstance(mark, dict) and mark.get("identity") == identity:
                return run
        return None

    async def resume_run(self, run_id: int, prompt: str, *, images: Sequence[str] = ()) -> AgentRun:
        """Gives a run a follow-up. Not repeatable."""
        body = {"agent_run_id": run_id, "prompt": prompt, "images": list(images) or None}
        return await self._once("resume_run", (*self._org, "agent", "run", "resume"), body, AgentRun, limit=None)

    async def ban_checks(self, run_id: int) -> None:
        """Stops Codegen from reacting to the checks of the run's pull request."""
        await self._flag("ban_checks", "ban", run_id)

    async def unban_checks(self, run_id: int) -> None:
        await self._flag("unban_checks", "unban", run_id)

    async def remove_from_pr(self, run_id: int) -> None:
        """Removes Codegen from the run's pull request."""
        await self._flag("remove_from_pr", "remove-from-pr", run_id)

    async def logs_page(self, run_id: int, *, skip: int = 0, limit: int = 100, reverse: bool = False) -> LogPage:
        """A slice of a run's log.

        :param skip: entries to leave out
        :param limit: at most 100
        :param reverse: newest first
        """
        segments = ("v1", "alpha", "organizations", self._org_id, "agent", "run", run_id, "logs")
        query = {"skip": skip, "limit": limit, "reverse": "true" if reverse else "false"}
        return await self._get("logs_page", segments, LogPage, query=query, limit="logs")

    async def logs(self, run_id: int, *, skip: int = 0) -> AsyncIterator[LogEntry]:
        """A run's log from its `skip`-th entry on, oldest first."""
        while True:
            page = await self.logs_page(run_id, skip=skip)
            for entry in page.logs:
                yield entry
            skip += len(page.logs)
            if len(page.logs) < PAGE_SIZE:
                return

    # People, organizations, repositories

    async def me(self) -> User:
        """The token's owner."""
        return await self._get("me", ("v1", "users", "me"), User)

    async def user(self, user_id: int) -> User:
        return await self._get("user", (*self._org, "users", user_id), User)

    async def users(self) -> list[User]:
        return [_read(User, item, "users") async for item in self._items("users", (*self._org, "users"))]

    async def organizations(self) -> list[Organization]:
        """The organizations that the token can access."""
        items = self._items("organizations", ("v1", "organizations"))
        return [_read(Organization, item, "organizations") async for item in items]

    async def repositories(self) -> list[Repository]:
        items = self._items("repositories", (*self._org, "repos"))
        return [_read(Repository, item, "repositories") async for item in items]

    async def integrations(self) -> Integrations:
        return await self._get("integrations", (*self._org, "integrations"), Integrations)

    async def check_suite_settings(self, repo_id: int) -> CheckSuiteSettings:
        """:param repo_id: Codegen's id of the repository"""
        segments = (*self._org, "repos", "check-suite-settings")
        return await self._get(
            "check_suite_settings", segments, CheckSuiteSettings, query={"repo_id": repo_id}, limit=None
        )

    async def update_check_suite_settings(self, repo_id: int, change: CheckSuiteChange) -> None:
        await self._transport.send(
            Operation(
                operation="update_check_suite_settings",
                method="PUT",
                segments=(*self._org, "repos", "check-suite-settings"),
                limit=None,
                query={"repo_id": repo_id},
                body=change.model_dump(exclude_none=True),
            )
        )

    # Other operations; the first two start a run of their own

    async def generate_setup_commands(
        self, repo_id: int, *, prompt: str | None = None, trigger_source: str = "setup-commands"
    ) -> SetupCommands:
        """Not repeatable.

        :param repo_id: Codegen's id of the repository
        """
        body = {"repo_id": repo_id, "prompt": prompt, "trigger_source": trigger_source}
        segments = (*self._org, "setup-commands", "generate")
        return await self._once("generate_setup_commands", segments, body, SetupCommands, limit="setup-commands")

    async def analyze_sandbox_logs(self, sandbox_id: int) -> LogAnalysis:
        """Not repeatable."""
        segments = (*self._org, "sandbox", sandbox_id, "analyze-logs")
        return await self._once("analyze_sandbox_logs", segments, None, LogAnalysis, limit="analyze-logs")

    async def edit_pull_request(self, pr_id: int, state: PullRequestState) -> EditedPullRequest:
        """:param pr_id: Codegen's own id of the pull request (`RunPullRequest.id`)"""
        return await self._edit("edit_pull_request", (*self._org, "prs", pr_id), state)

    async def edit_repository_pull_request(
        self, repo_id: int, pr_id: int, state: PullRequestState
    ) -> EditedPullRequest:
        """The same by the repository's id."""
        return await self._edit("edit_repository_pull_request", (*self._org, "repos", repo_id, "prs", pr_id), state)

    # Sending

    async def _get(
        self,
        operation: str,
        segments: Segments,
        model: type[M],
        *,
        query: Mapping[str, Any] | None = None,
        limit: str | None = "read",
    ) -> M:
        call = Operation(operation=operation, method="GET", segments=segments, query=query, limit=limit)
        return _read(model, await self._transport.send(call), operation)

    async def _once(
        self, operation: str, segments: Segments, body: Mapping[str, Any] | None, model: type[M], *, limit: str | None
    ) -> M:
        given = None if body is None else {name: value for name, value in body.items() if value is not None}
        call = Operation(
            operation=operation, method="POST", segments=segments, body=given, limit=limit, repeatable=False
        )
        return _read(model, await self._transport.send(call), operation, may_have_happened=True)

    async def _flag(self, operation: str, name: str, run_id: int) -> None:
        segments = (*self._org, "agent", "run", name)
        await self._transport.send(
            Operation(operation=operation, method="POST", segments=segments, body={"agent_run_id": run_id}, limit=None)
        )

    async def _edit(self, operation: str, segments: Segments, state: PullRequestState) -> EditedPullRequest:
        call = Operation(
            operation=operation, method="PATCH", segments=segments, body={"state": state}, limit="edit-pull-request"
        )
        return _read(EditedPullRequest, await self._transport.send(call), operation)

    async def _page(self, operation: str, segments: Segments, number: int, query: Mapping[str, Any]) -> Page:
        given = {name: value for name, value in query.items() if value is not None}
        return await self._get(
            operation, segments, Page, query={**given, "skip": (number - 1) * PAGE_SIZE, "limit": PAGE_SIZE}
        )

    async def _items(self, operation: str, segments: Segments) -> AsyncIterator[Any]:
        number, seen = 1, 0
        while True:
            page = await self._page(operation, segments, number, {})
            for item in page.items:
                yield item
            seen += len(page.items)
            if not page.items or seen >= page.total:
                return
            number += 1


def _read(model: type[M], document: Any, operation: str, *, may_have_happened: bool = False) -> M:
    """:raises UpstreamError: if the response does not match the API's description"""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) or "the whole" for problem in error.errors()[:5])
        raise UpstreamError(
            Service.CODEGEN, ErrorKind.BAD_ANSWER, operation, 200, f"unexpected: {fields}", None, may_have_happened
        ) from None
