"""The operations on agent runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from bot.emulators.codegen.access import Call, Page, refused
from bot.emulators.codegen.world import REPOSITORIES, TRACE_URL, Run, World
from bot.emulators.operations import operation

QUOTA_MESSAGE = "Agent run limit reached for this billing period."
SOURCE_TYPES = (
    "LOCAL|SLACK|GITHUB|GITHUB_CHECK_SUITE|GITHUB_PR_REVIEW|LINEAR|API|CHAT|JIRA|CLICKUP|MONDAY|SETUP_COMMANDS"
)
AGENT = "/v1/organizations/{org_id}/agent"


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


class _RunsQuery(Page):
    user_id: int | None = None
    source_type: str | None = Field(default=None, pattern=f"^({SOURCE_TYPES})$")


class _LogsQuery(Page):
    reverse: bool = False


def run_json(run: Run) -> dict[str, Any]:
    return _log_head(run) | {
        "summary": run.summary,
        "source_type": run.source_type,
        "github_pull_requests": run.pull_requests,
    }


def _log_head(run: Run) -> dict[str, Any]:
    """The part of a run that its logs repeat."""
    return {
        "id": run.id,
        "organization_id": run.org_id,
        "status": run.status,
        "created_at": run.created_at.isoformat(),
        "web_url": f"{TRACE_URL}{run.id}",
        "result": run.result,
        "metadata": run.metadata,
    }


@dataclass(frozen=True, slots=True)
class RunOperations:
    world: World

    @operation(f"POST {AGENT}/run", limit="create")
    def create(self, call: Call) -> dict[str, Any]:
        given = call.body(_Create)
        if self.world.use_quota():
            raise refused(402, QUOTA_MESSAGE)
        if given.repo_id is not None and REPOSITORIES.get(given.repo_id, (0,))[0] != call.org_id:
            raise refused(404, "No repos found in the organization.")
        return run_json(self.world.create(call.org_id, user_id=call.user_id, **given.model_dump()))

    @operation(f"GET {AGENT}/runs", limit="read")
    def list(self, call: Call) -> dict[str, Any]:
        query = call.query(_RunsQuery)
        return query.of(
            [
                run_json(self.world.current(run))
                for run in reversed(self.world.runs.values())
                if run.org_id == call.org_id
                and query.source_type in {None, run.source_type}
                and query.user_id in {None, run.user_id}
            ]
        )

    @operation(f"GET {AGENT}/run/{{agent_run_id}}", limit="read")
    def get(self, call: Call) -> dict[str, Any]:
        return run_json(self._run(call, call.number("agent_run_id")))

    @operation(f"POST {AGENT}/run/resume")
    def resume(self, call: Call) -> dict[str, Any]:
        given = call.body(_Resume)
        run = self._run(call, given.agent_run_id)
        self.world.resume(run, given.prompt)
        return run_json(run)

    @operation(f"POST {AGENT}/run/ban")
    def ban(self, call: Call) -> dict[str, Any]:
        return self._flag(call, "banned")

    @operation(f"POST {AGENT}/run/remove-from-pr")
    def remove_from_pr(self, call: Call) -> dict[str, Any]:
        """The same as `ban` by another name; the flag records which of the two was called."""
        return self._flag(call, "removed")

    @operation(f"POST {AGENT}/run/unban")
    def unban(self, call: Call) -> dict[str, Any]:
        run = self._run(call, call.body(_Stop).agent_run_id)
        self.world.lift_flags(run)
        return {"message": "unbanned", "agent_run_id": run.id}

    def _flag(self, call: Call, flag: str) -> dict[str, Any]:
        run = self._run(call, call.body(_Stop).agent_run_id)
        self.world.flag(run, flag)
        return {"message": flag, "agent_run_id": run.id}

    @operation(f"GET {AGENT}/run/{{agent_run_id}}/logs", limit="logs")
    def logs_without_alpha(self, call: Call) -> dict[str, Any]:
        """The same as `logs`; Codegen's documentation has both paths."""
        return self.logs(call)

    @operation("GET /v1/alpha/organizations/{org_id}/agent/run/{agent_run_id}/logs", limit="logs")
    def logs(self, call: Call) -> dict[str, Any]:
        run = self._run(call, call.number("agent_run_id"))
        query = call.query(_LogsQuery)
        entries = run.logs[::-1] if query.reverse else run.logs
        return _log_head(run) | query.of(entries, name="logs", total="total_logs")

    def _run(self, call: Call, run_id: int) -> Run:
        run = self.world.runs.get(run_id)
        if run is None or run.org_id != call.org_id:
            raise refused(404, f"Agent run {run_id} not found.")
        return self.world.current(run)
