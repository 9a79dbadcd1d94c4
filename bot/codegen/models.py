"""Responses of Codegen's API, as far as the bot reads them. Field names are the API's."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

PAGE_SIZE = 100
"""The maximum page size of every list."""

MARK = "codegen_bot"
"""The key in a run's metadata under which the bot records whose run it is."""

PullRequestState = Literal["open", "closed", "draft", "ready_for_review"]


class State(StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    WORKING = "working"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    OUT_OF_TOKENS = "out-of-tokens"
    MAX_ITERATIONS = "max-iterations"

    @property
    def finished(self) -> bool:
        return self not in {State.QUEUED, State.WORKING, State.PAUSED}


_STATES = {
    "pending": State.QUEUED,
    "queued": State.QUEUED,
    "paused": State.PAUSED,
    "complete": State.SUCCEEDED,
    "completed": State.SUCCEEDED,
    "success": State.SUCCEEDED,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "failure": State.FAILED,
    "error": State.FAILED,
    "cancelled": State.CANCELLED,
    "canceled": State.CANCELLED,
    "stopped": State.CANCELLED,
    "timeout": State.TIMED_OUT,
    "timed_out": State.TIMED_OUT,
    "out_of_tokens": State.OUT_OF_TOKENS,
    "max_iterations_reached": State.MAX_ITERATIONS,
    "max_iterations": State.MAX_ITERATIONS,
}


WORKING_WORDS = frozenset({"active", "running", "evaluation", "in_progress", "working"})
"""How Codegen's tools and docs spell a running state; unknown spellings count as one too."""


def is_known(status: str) -> bool:
    """Whether it is one of Codegen's spellings, or the bot's own name of a state."""
    word = _word(status)
    return word in {*_STATES, *WORKING_WORDS, *(state.value.replace("-", "_") for state in State)}


def normalise(status: str | None) -> State:
    """The state that a status means, in any case and with any separators. An unknown one means running."""
    return _STATES.get(_word(status or ""), State.WORKING)


def _word(status: str) -> str:
    return re.sub(r"[\s_-]+", "_", status.strip()).lower()


class _Response(BaseModel):
    """Unknown fields are ignored: the API may grow. Each is built with its first use: a command needs few of them."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


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


class RunPullRequest(_Response):
    """A pull request that a run opened or works on. `id` is Codegen's own, not GitHub's."""

    id: int
    title: str | None = None
    url: str | None = None
    created_at: Moment = None
    head_branch_name: str | None = None


class RunUsage(_Response):
    """What a run has used so far. `is_estimated`: the cost comes from the operator's price table."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = Field(None, description="US dollars.")
    is_estimated: bool = False


class RunChanges(_Response):
    """How the run's branch differs from its base."""

    files: int = 0
    additions: int = 0
    deletions: int = 0


class RunAuthor(_Response):
    """The person who asked for the run."""

    login: str


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A field that the bot can do without: an unexpected form of it is no error."""
    try:
        return handler(value)
    except ValidationError:
        return None


_Lenient = WrapValidator(_or_none)


class AgentRun(_Response):
    """An agent run. From `cancellable` on, only agents of your own have the fields."""

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
    cancellable: bool | None = None
    """Whether `bot.codegen.client.Codegen.cancel_run` can stop it."""

    agent_type: Annotated[str | None, _Lenient] = None
    model: Annotated[str | None, _Lenient] = None
    usage: Annotated[RunUsage | None, _Lenient] = None
    changes: Annotated[RunChanges | None, _Lenient] = None
    working_seconds: Annotated[float | None, _Lenient] = None
    """Of all turns together, the running one up to now."""

    author: Annotated[RunAuthor | None, _Lenient] = None

    @property
    def without_clock(self) -> AgentRun:
        """The same without what changes by itself while it works."""
        return self.model_copy(update={"working_seconds": None})

    @property
    def state(self) -> State:
        return normalise(self.status)

    @property
    def finished(self) -> bool:
        return self.state.finished

    @property
    def succeeded(self) -> bool:
        return self.state is State.SUCCEEDED

    @property
    def is_of_own_agent(self) -> bool:
        """Whether an agent of one's own does it, and not Codegen's."""
        return self.cancellable is not None


class CostItem(_Response):
    """What a group of turns of agents of your own has used: those that began on that day of UTC, and have all this in
    common. `repository` and `person` are in lower case."""

    day: date
    repository: str | None = None
    thread: int | None = None
    person: str | None = None
    agent: str
    turns: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    is_estimated: bool = False


class Costs(_Response):
    """The newest day first."""

    items: tuple[CostItem, ...]


class CheckedHead(_Response):
    """The run of an agent of your own behind a pull request's head.

    :param agent_run_id: the run that pushed the commit, else the newest one on the pull request
    :param is_banned: whether agents are to leave the pull request alone
    :param is_working: whether a run on the pull request has not ended
    """

    agent_run_id: int
    is_of_run: bool
    is_banned: bool
    is_working: bool


class CheckedHeadAnswer(_Response):
    head: CheckedHead | None


class CheckRound(_Response):
    """:param is_mine: False if the commit's failed checks were dealt with under another identity
    :param earlier: what failed in the rounds before, the oldest first
    """

    is_mine: bool
    earlier: tuple[str, ...]


class LogEntry(_Response):
    """One entry of a run's log. Entries have no id: their position counts."""

    agent_run_id: int
    created_at: Moment = None
    tool_name: str | None = None
    message_type: str | None = None
    thought: str | None = None
    observation: AnyJson = None
    tool_input: AnyObject = None
    tool_output: AnyObject = None


class LogPage(_Response):
    """A slice of a run's log, with the run's status."""

    id: int
    organization_id: int
    status: str | None = None
    logs: tuple[LogEntry, ...] = ()
    total_logs: int | None = None


class User(_Response):
    id: int
    github_user_id: str
    github_username: str
    email: str | None = None
    avatar_url: str | None = None
    full_name: str | None = None
    role: str | None = None
    is_admin: bool | None = None


class OrganizationSettings(_Response):
    enable_pr_creation: bool = True
    enable_rules_detection: bool = True


class Organization(_Response):
    id: int
    name: str
    settings: OrganizationSettings = OrganizationSettings()


class Repository(_Response):
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


class Integration(_Response):
    integration_type: str
    active: bool
    token_id: int | None = None
    installation_id: int | None = None
    metadata: AnyObject = None


class Integrations(_Response):
    organization_id: int
    organization_name: str
    integrations: tuple[Integration, ...]
    total_active_integrations: int


class SetupCommands(_Response):
    """The run that determines the commands."""

    agent_run_id: int
    status: str
    url: str


class LogAnalysis(_Response):
    """The run that analyzes the sandbox's logs.

    :param url: of the run's page; Codegen gives none, agents of your own do
    """

    agent_run_id: int
    status: str
    message: str
    url: str | None = None


class EditedPullRequest(_Response):
    success: bool
    url: str | None = None
    number: int | None = None
    title: str | None = None
    state: str | None = None
    error: str | None = None


class CheckSuiteSettings(_Response):
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


class Page(_Response):
    """One page of a list. `items` is validated by the caller."""

    items: list[Any]
    total: int


class RunsPage(_Response):
    """One page of runs, newest first.

    :param total: how many runs there are on all pages
    """

    model_config = ConfigDict(validate_by_name=True)

    runs: tuple[AgentRun, ...] = Field(validation_alias="items")
    total: int
