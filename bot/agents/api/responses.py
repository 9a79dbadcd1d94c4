"""JSON of the responses, as Codegen's description has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.agents.api.access import ORGANIZATION, AgentsApi
from bot.agents.api.requests import PageQuery
from bot.github.models import Repository
from bot.storage.agent_costs import Cost
from bot.storage.agent_models import StoredPullRequest, StoredRun
from bot.storage.agent_users import AgentUser

Json = dict[str, Any]


def page(items: Sequence[Any], total: int, query: PageQuery) -> Json:
    return {"items": [*items], "total": total, **_numbers(total, query)}


def page_of(items: Sequence[Any], query: PageQuery) -> Json:
    """The page of a list that is at hand as a whole."""
    return page(items[query.skip : query.skip + query.limit], len(items), query)


def _numbers(total: int, query: PageQuery) -> Json:
    return {"page": query.skip // query.limit + 1, "size": query.limit, "pages": -(-total // query.limit)}


def run_json(run: StoredRun, api: AgentsApi) -> Json:
    return {
        **_head(run, api),
        "summary": run.summary,
        "source_type": run.source_type,
        "github_pull_requests": [_pull_request_json(each) for each in run.pull_requests],
        # Not Codegen's: whether `POST .../agent/run/cancel` can stop it. Codegen's own runs it cannot.
        **({} if api.is_delegated(run) else {"cancellable": not run.is_finished}),
        # Not Codegen's either.
        "agent_type": run.agent,
        "model": run.model or _model(run, api),
        "usage": asdict(run.used),
        "changes": None if run.changes is None else asdict(run.changes),
        "working_seconds": round(run.worked + _seconds_since(run.working_since, api), 3),
        "author": None if run.person is None else {"login": run.person},
    }


def _model(run: StoredRun, api: AgentsApi) -> str | None:
    """The agent's own, if the run names none."""
    agent = api.config.agents.get(run.agent)
    return agent.model_name if agent is not None else None


def _seconds_since(start: datetime | None, api: AgentsApi) -> float:
    return 0.0 if start is None else max(0.0, (api.now() - start).total_seconds())


def logs_json(run: StoredRun, entries: Sequence[Mapping[str, Any]], query: PageQuery, api: AgentsApi) -> Json:
    """A slice of a run's log."""
    return {
        **_head(run, api),
        "logs": [{"agent_run_id": run.id, **entry} for entry in entries],
        "total_logs": run.log_entries,
        **_numbers(run.log_entries, query),
    }


def cost_json(cost: Cost) -> Json:
    return {
        "day": cost.day.isoformat(),
        "repository": cost.repository,
        "thread": cost.thread,
        "person": cost.person,
        "agent": cost.agent,
        "turns": cost.turns,
        **asdict(cost.used),
    }


def _head(run: StoredRun, api: AgentsApi) -> Json:
    return {
        "id": run.id,
        "organization_id": ORGANIZATION,
        "status": run.status,
        "created_at": run.created_at.isoformat(),
        "web_url": web_url(run, api),
        "result": run.result,
        "metadata": run.metadata,
    }


def web_url(run: StoredRun, api: AgentsApi) -> str:
    """Of the run's page; empty if there is none, because clients take null for Codegen's usual address."""
    return api.web_url(run.id) or ""


def _pull_request_json(pull_request: StoredPullRequest) -> Json:
    return {
        "id": pull_request.id,
        "title": pull_request.title,
        "url": pull_request.url,
        "created_at": pull_request.created_at.isoformat(),
        "head_branch_name": pull_request.head_branch,
    }


def user_json(user: AgentUser) -> Json:
    return {
        "id": user.id,
        "email": None,
        "github_user_id": "" if user.github_user_id is None else str(user.github_user_id),
        "github_username": user.login,
        "avatar_url": None,
        "full_name": None,
        # Every token may do all that the API can.
        "role": "MEMBER",
        "is_admin": False,
    }


def repository_json(repository: Repository, *, has_setup_commands: bool) -> Json:
    return {
        "id": repository.id,
        "name": repository.name.partition("/")[2],
        "full_name": repository.name,
        "description": repository.description or None,
        "github_id": str(repository.id),
        "organization_id": ORGANIZATION,
        "visibility": "private" if repository.is_private else "public",
        "archived": repository.is_archived,
        "setup_status": "COMPLETED" if has_setup_commands else "NOT_STARTED",
        "language": repository.language or None,
    }
