"""The operations on agent runs."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel

from bot.emulator.codegen.answers import (
    Limiter,
    Refused,
    body,
    number,
    organization,
    page,
    place,
    query_choice,
    query_flag,
    query_number,
    token_of,
    user_of,
)
from bot.emulator.codegen.world import REPOSITORIES, Run, World

TRACE_URL = "https://codegen.com/agent/trace/"
QUOTA_MESSAGE = "Agent run limit reached for this billing period."

SOURCE_TYPES = (
    "LOCAL",
    "SLACK",
    "GITHUB",
    "GITHUB_CHECK_SUITE",
    "GITHUB_PR_REVIEW",
    "LINEAR",
    "API",
    "CHAT",
    "JIRA",
    "CLICKUP",
    "MONDAY",
    "SETUP_COMMANDS",
)


class _Create(BaseModel):
    prompt: str
    images: list[str] | None = None
    metadata: dict[str, Any] | None = None
    repo_id: int | None = None
    model: str | None = None
    agent_type: Literal["codegen", "claude_code"] | None = None


class _Resume(BaseModel):
    agent_run_id: int
    prompt: str
    images: list[str] | None = None


class _Stop(BaseModel):
    agent_run_id: int
    before_card_order_id: str | None = None
    after_card_order_id: str | None = None


def run_json(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "organization_id": run.org_id,
        "status": run.status,
        "created_at": run.created_at.isoformat(),
        "web_url": f"{TRACE_URL}{run.id}",
        "result": run.result,
        "summary": run.summary,
        "source_type": run.source_type,
        "github_pull_requests": run.pull_requests,
        "metadata": run.metadata,
    }


class RunOperations:
    def __init__(self, world: World, limiter: Limiter) -> None:
        self._world = world
        self._limiter = limiter

    def routes(self) -> list[web.RouteDef]:
        agent = "/v1/organizations/{org_id}/agent"
        return [
            web.post(f"{agent}/run", self.create),
            web.get(f"{agent}/runs", self.list),
            web.post(f"{agent}/run/resume", self.resume),
            web.post(f"{agent}/run/ban", self.ban),
            web.post(f"{agent}/run/unban", self.unban),
            web.post(f"{agent}/run/remove-from-pr", self.remove_from_pr),
            web.get(f"{agent}/run/{{agent_run_id}}", self.get),
            web.get("/v1/alpha/organizations/{org_id}/agent/run/{agent_run_id}/logs", self.logs),
        ]

    async def create(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._limiter.count(token_of(request), "create")
        given = await body(request, _Create)
        if self._world.used_up():
            raise Refused(402, QUOTA_MESSAGE)
        if given.repo_id is not None and REPOSITORIES.get(given.repo_id, (0,))[0] != org_id:
            raise Refused(404, "No repos found in the organization.")
        run = self._world.create(org_id, user_id=user_of(token_of(request)), **given.model_dump())
        return web.json_response(run_json(run))

    async def get(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._limiter.count(token_of(request), "read")
        return web.json_response(run_json(self._run(org_id, number(request, "agent_run_id"))))

    async def list(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._limiter.count(token_of(request), "read")
        source_type = query_choice(request, "source_type", SOURCE_TYPES)
        user_id = query_number(request, "user_id", 0)
        runs = [
            run_json(self._world.refresh(run))
            for run in reversed(self._world.runs.values())
            if run.org_id == org_id and source_type in {None, run.source_type} and user_id in {0, run.user_id}
        ]
        return page(request, runs)

    async def resume(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        given = await body(request, _Resume)
        run = self._run(org_id, given.agent_run_id)
        self._world.resume(run, given.prompt)
        return web.json_response(run_json(run))

    async def ban(self, request: web.Request) -> web.Response:
        run = await self._named_run(request)
        self._world.flag(run, "banned")
        return web.json_response({"message": "banned", "agent_run_id": run.id})

    async def unban(self, request: web.Request) -> web.Response:
        run = await self._named_run(request)
        self._world.lift_flags(run)
        return web.json_response({"message": "unbanned", "agent_run_id": run.id})

    async def remove_from_pr(self, request: web.Request) -> web.Response:
        """The same as `ban` by another name; the flag records which of the two was called."""
        run = await self._named_run(request)
        self._world.flag(run, "removed")
        return web.json_response({"message": "removed", "agent_run_id": run.id})

    async def _named_run(self, request: web.Request) -> Run:
        org_id = organization(request)
        return self._run(org_id, (await body(request, _Stop)).agent_run_id)

    async def logs(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._limiter.count(token_of(request), "logs")
        run = self._run(org_id, number(request, "agent_run_id"))
        skip, limit = place(request)
        entries = run.logs[::-1] if query_flag(request, "reverse") else run.logs
        document = {name: value for name, value in run_json(run).items() if name in _LOG_FIELDS}
        document |= {
            "logs": entries[skip : skip + limit],
            "total_logs": len(entries),
            "page": skip // limit + 1,
            "size": limit,
            "pages": -(-len(entries) // limit),
        }
        return web.json_response(document)

    def _run(self, org_id: int, run_id: int) -> Run:
        run = self._world.runs.get(run_id)
        if run is None or run.org_id != org_id:
            raise Refused(404, f"Agent run {run_id} not found.")
        return self._world.refresh(run)


_LOG_FIELDS = {"id", "organization_id", "status", "created_at", "web_url", "result", "metadata"}
