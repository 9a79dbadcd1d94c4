"""Codegen's API, one method for each operation that the bot uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.codegen.limits import RateLimits
from bot.codegen.models import (
    MARK,
    PAGE_SIZE,
    AgentRun,
    CheckedHead,
    CheckedHeadAnswer,
    CheckRound,
    CheckSuiteChange,
    CheckSuiteSettings,
    CostItem,
    Costs,
    EditedPullRequest,
    Integrations,
    LogAnalysis,
    LogPage,
    Organization,
    Page,
    PullRequestState,
    Repository,
    RunsPage,
    SetupCommands,
    User,
)
from bot.codegen.transport import Operation, Transport
from bot.errors import ErrorKind, Service, UpstreamError
from bot.observer import NO_OBSERVER, Observer
from bot.upstream import Segments

if TYPE_CHECKING:
    import httpx

M = TypeVar("M", bound=BaseModel)

CLOCK_SLACK = timedelta(minutes=5)
"""How far Codegen's clock and the local one may differ."""


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
        observer: Observer = NO_OBSERVER,
        name: str = "",
    ) -> None:
        self.limits = limits or RateLimits()
        self._transport = Transport(
            token, base_url=base_url, http=http, limits=self.limits, sleep=sleep, observer=observer, name=name
        )
        self._org_id = org_id
        self._org = ("v1", "organizations", org_id)

    @property
    def name(self) -> str:
        """What errors call the API; empty: Codegen."""
        return self._transport.name

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
        query = {"user_id": user_id, "source_type": source_type, "skip": (number - 1) * PAGE_SIZE, "limit": PAGE_SIZE}
        return await self._get("runs_page", (*self._org, "agent", "runs"), RunsPage, query=query)

    async def runs_slice(self, *, skip: int, limit: int) -> RunsPage:
        """A slice of the runs, newest first.

        :param skip: runs to leave out
        :param limit: at most 100
        """
        query = {"skip": skip, "limit": limit}
        return await self._get("runs_slice", (*self._org, "agent", "runs"), RunsPage, query=query)

    async def runs(self, *, user_id: int | None = None, source_type: str | None = None) -> AsyncIterator[AgentRun]:
        """All runs, newest first; pages are requested as they are needed."""
        query = {"user_id": user_id, "source_type": source_type}
        known: set[int] = set()
        async for run in self._items("runs_page", (*self._org, "agent", "runs"), AgentRun, query=query):
            # A run that began meanwhile has moved the older ones down by one.
            if run.id not in known:
                known.add(run.id)
                yield run

    async def find_run(self, identity: str, *, since: datetime) -> AgentRun | None:
        """The run with this identity in its metadata, if there is one.

        :param since: when the command was given; older runs are skipped
        """
        async for run in self.runs(source_type=None):
            # First: a run that is older than the command cannot be its run, whatever its metadata.
            if run.created_at is not None and run.created_at < since - CLOCK_SLACK:
                return None
            mark = (run.metadata or {}).get(MARK)
            if isinstance(mark, dict) and mark.get("identity") == identity:
                return run
        return None

    async def resume_run(
        self,
        run_id: int,
        prompt: str,
        *,
        images: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> AgentRun:
        """Gives a run a follow-up. Not repeatable.

        :param metadata: only for agents of your own; Codegen has no such field
        """
        body: dict[str, Any] = {"agent_run_id": run_id, "prompt": prompt, "images": list(images) or None}
        if metadata is not None:
            body["metadata"] = dict(metadata)
        return await self._once("resume_run", (*self._org, "agent", "run", "resume"), body, AgentRun, limit=None)

    async def ban_checks(self, run_id: int) -> None:
        """Stops Codegen from reacting to the checks of the run's pull request."""
        await self._flag("ban_checks", "ban", run_id)

    async def unban_checks(self, run_id: int) -> None:
        await self._flag("unban_checks", "unban", run_id)

    async def remove_from_pr(self, run_id: int) -> None:
        """Removes Codegen from the run's pull request."""
        await self._flag("remove_from_pr", "remove-from-pr", run_id)

    async def cancel_run(self, run_id: int) -> None:
        """Stops a run that is `cancellable`. Codegen itself has no such operation; agents of your own do."""
        await self._flag("cancel_run", "cancel", run_id)

    async def costs(self, *, since: datetime, repository: str | None = None) -> Sequence[CostItem]:
        """What the turns that began since then have used. Only agents of your own have this operation.

        :param repository: ``owner/name``, where they were asked for
        """
        query = {"since": since.isoformat(), "repository": repository}
        return (await self._get("costs", (*self._org, "agent", "costs"), Costs, query=query)).items

    async def checked_head(self, repository: str, number: int, sha: str, *, hint: int | None) -> CheckedHead | None:
        """The run behind a pull request's head; None if none is known. Only agents of your own have this operation.

        :param hint: a run that may have pushed the commit and not reported it yet
        """
        query = {"repository": repository, "number": number, "sha": sha, "hint": hint}
        segments = (*self._org, "agent", "checks")
        return (await self._get("checked_head", segments, CheckedHeadAnswer, query=query)).head

    async def claim_check_round(
        self, run_id: int, *, sha: str, identity: str, failure: str, is_anew: bool
    ) -> CheckRound:
        """Claims the failed checks of a commit; the same claim gets the same answer again. Only agents of your own have
        this operation.

        :param failure: what failed, to be recognized in the next round: at most 200 characters
        :param is_anew: whether the rounds before are over
        """
        body = {"agent_run_id": run_id, "sha": sha, "identity": identity, "failure": failure, "is_anew": is_anew}
        segments = (*self._org, "agent", "checks", "rounds")
        operation = Operation(name="claim_check_round", method="POST", segments=segments, body=body, limit=None)
        return await self._read(operation, CheckRound)

    async def logs_page(self, run_id: int, *, skip: int = 0, limit: int = 100, reverse: bool = False) -> LogPage:
        """A slice of a run's log.

        :param skip: entries to leave out
        :param limit: at most 100
        :param reverse: newest first
        """
        segments = ("v1", "alpha", "organizations", self._org_id, "agent", "run", run_id, "logs")
        query = {"skip": skip, "limit": limit, "reverse": "true" if reverse else "false"}
        return await self._get("logs_page", segments, LogPage, query=query, limit="logs")

    # People, organizations, repositories

    async def me(self) -> User:
        """The token's owner."""
        return await self._get("me", ("v1", "users", "me"), User)

    async def user(self, user_id: int) -> User:
        return await self._get("user", (*self._org, "users", user_id), User)

    async def users(self) -> list[User]:
        return [user async for user in self._items("users", (*self._org, "users"), User)]

    async def organizations(self) -> list[Organization]:
        """The organizations that the token can access."""
        return [each async for each in self._items("organizations", ("v1", "organizations"), Organization)]

    async def repositories(self) -> list[Repository]:
        return [each async for each in self._items("repositories", (*self._org, "repos"), Repository)]

    async def integrations(self) -> Integrations:
        return await self._get("integrations", (*self._org, "integrations"), Integrations)

    async def check_suite_settings(self, repo_id: int) -> CheckSuiteSettings:
        """:param repo_id: Codegen's id of the repository"""
        segments, query = (*self._org, "repos", "check-suite-settings"), {"repo_id": repo_id}
        return await self._get("check_suite_settings", segments, CheckSuiteSettings, query=query, limit=None)

    async def update_check_suite_settings(self, repo_id: int, change: CheckSuiteChange) -> None:
        await self._transport.send(
            Operation(
                name="update_check_suite_settings",
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
        operation = Operation(
            name="edit_pull_request",
            method="PATCH",
            segments=(*self._org, "prs", pr_id),
            body={"state": state},
            limit="edit-pull-request",
        )
        return await self._read(operation, EditedPullRequest)

    # Sending

    async def _get(
        self,
        name: str,
        segments: Segments,
        model: type[M],
        *,
        query: Mapping[str, Any] | None = None,
        limit: str | None = "read",
    ) -> M:
        return await self._read(
            Operation(name=name, method="GET", segments=segments, query=_given(query), limit=limit), model
        )

    async def _once(
        self, name: str, segments: Segments, body: Mapping[str, Any] | None, model: type[M], *, limit: str | None
    ) -> M:
        operation = Operation(
            name=name, method="POST", segments=segments, body=_given(body), limit=limit, repeatable=False
        )
        return await self._read(operation, model)

    async def _flag(self, name: str, segment: str, run_id: int) -> None:
        segments = (*self._org, "agent", "run", segment)
        await self._transport.send(
            Operation(name=name, method="POST", segments=segments, body={"agent_run_id": run_id}, limit=None)
        )

    async def _items(
        self, name: str, segments: Segments, model: type[M], *, query: Mapping[str, Any] | None = None
    ) -> AsyncIterator[M]:
        """All items of a list; pages are requested as they are needed."""
        skip = 0
        while True:
            page = await self._get(name, segments, Page, query={**(query or {}), "skip": skip, "limit": PAGE_SIZE})
            for item in page.items:
                yield _validated(model, item, name)
            skip += len(page.items)
            if not page.items or skip >= page.total:
                return

    async def _read(self, operation: Operation, model: type[M]) -> M:
        document = await self._transport.send(operation)
        return _validated(model, document, operation.name, may_have_happened=not operation.repeatable)


def _given(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {name: value for name, value in values.items() if value is not None}


def _validated(model: type[M], document: Any, operation: str, *, may_have_happened: bool = False) -> M:
    """:raises UpstreamError: if the response does not match the API's description"""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) or "the whole" for problem in error.errors()[:5])
        raise UpstreamError(
            Service.CODEGEN, ErrorKind.BAD_ANSWER, operation, 200, f"unexpected: {fields}", None, may_have_happened
        ) from None
