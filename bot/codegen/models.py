"""Responses of Codegen's API, as far as the bot reads them. Field names are the API's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from bot.codegen.states import State, normalise

__all__ = ["State"]


class _Answer(BaseModel):
    """Unknown fields are ignored: the API may grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _moment(value: Any) -> Any:
    """Times are strings of several forms, in UTC if they have no zone; an invalid one is no error."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _or_empty(value: Any) -> Any:
    return () if value is None else value


Moment = Annotated[datetime | None, BeforeValidator(_moment)]

DEEPEST = 50
"""Levels of nested JSON that are read. A run's creator may nest its metadata at will, and pydantic reads more than 255
levels but does not write them: one such run would break every list that contains it."""


def _pruned(value: Any, levels: int = DEEPEST) -> Any:
    """The same, with an ellipsis for what is nested deeper."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return "…"
    if isinstance(value, list):
        return [_pruned(each, levels - 1) for each in value]
    return {name: _pruned(each, levels - 1) for name, each in value.items()}


AnyJson = Annotated[Any, BeforeValidator(_pruned)]
AnyObject = Annotated[dict[str, Any] | None, BeforeValidator(_pruned)]


class RunPullRequest(_Answer):
    """A pull request that a run opened or works on. `id` is Codegen's own, not GitHub's."""

    id: int
    title: str | None = None
    url: str | None = None
    created_at: Moment = None
    head_branch_name: str | None = None


class AgentRun(_Answer):
    """An agent run."""

    id: int
    organization_id: int
    status: str | None = None
    created_at: Moment = None
    web_url: str | None = None
    result: str | None = None
    summary: str | None = None
    source_type: str | None = None
    github_pull_requests: Annotated[tuple[RunPullRequest, ...], BeforeValidator(_or_empty)] = ()
    metadata: AnyObject = None

    @property
    def state(self) -> State:
        return normalise(self.status)

    @property
    def finished(self) -> bool:
        return self.state.finished

    @property
    def succeeded(self) -> bool:
        return self.state is State.SUCCEEDED


class LogEntry(_Answer):
    """One entry of a run's log. Entries have no id: their position counts."""

    agent_run_id: int
    created_at: Moment = None
    tool_name: str | None = None
    message_type: str | None = None
    thought: str | None = None
    observation: AnyJson = None
    tool_input: AnyObject = None
    tool_output: AnyObject = None


class LogPage(_Answer):
    """A slice of a run's log, with the run's status."""

    id: int
    organization_id: int
    status: str | None = None
    logs: tuple[LogEntry, ...] = ()
    total_logs: int | None = None


class User(_Answer):
    id: int
    github_user_id: str
    github_username: str
    email: str | None = None
    avatar_url: str | None = None
    full_name: str | None = None
    role: str | None = None
    is_admin: bool | None = None


class OrganizationSettings(_Answer):
    enable_pr_creation: bool = True
    enable_rules_detection: bool = True


class Organization(_Answer):
    id: int
    name: str
    settings: OrganizationSettings = OrganizationSettings()


class Repository(_Answer):
    id: int
    name: str
    full_name: str
    github_id: str
    organization_id: int
    description: str | None = None
    visibility: str | None = None
    archived: bool | None = None
    setup_status: str = ""
    language: str | None = None


class Integration(_Answer):
    integration_type: str
    active: bool
    token_id: int | None = None
    installation_id: int | None = None
    metadata: AnyObject = None


class Integrations(_Answer):
    organization_id: int
    organization_name: str
    integrations: tuple[Integration, ...]
    total_active_integrations: int


class SetupCommands(_Answer):
    """The run that determines the commands."""

    agent_run_id: int
    status: str
    url: str


class LogAnalysis(_Answer):
    """The run that analyzes the sandbox's logs."""

    agent_run_id: int
    status: str
    message: str


class EditedPullRequest(_Answer):
    success: bool
    url: str | None = None
    number: int | None = None
    title: str | None = None
    state: str | None = None
    error: str | None = None


class CheckSuiteSettings(_Answer):
    """How Codegen reacts to a repository's checks."""

    check_retry_count: int
    ignored_checks: tuple[str, ...]
    check_retry_counts: dict[str, int]
    custom_prompts: dict[str, str]
    high_priority_apps: tuple[str, ...]
    available_check_suite_names: tuple[str, ...] = ()


class CheckSuiteChange(BaseModel):
    """The check-suite settings of a repository to change; those that are None stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check_retry_count: int | None = None
    ignored_checks: list[str] | None = None
    check_retry_counts: dict[str, int] | None = None
    custom_prompts: dict[str, str] | None = None
    high_priority_apps: list[str] | None = None


class Page(_Answer):
    """One page of a list. `items` is validated by the caller."""

    items: list[Any]
    total: int
    page: int
    size: int
    pages: int


class RunsPage(_Answer):
    """One page of runs, newest first.

    :param total: how many runs there are on all pages
    """

    runs: tuple[AgentRun, ...]
    total: int
