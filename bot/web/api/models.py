"""Requests and responses of the API, except Codegen's own (`bot.codegen.models`)."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bot.codegen.models import AgentRun, Moment
from bot.commands.multi_run import MOST_ATTEMPTS
from bot.commands.run import AGENT_TYPES
from bot.web.api.metadata import Metadata

T = TypeVar("T")

LONGEST_TEXT = 100_000
"""Characters of a prompt or a log in a request."""

BIGGEST_ID = 2**53 - 1
"""The largest integer that every JSON parser represents exactly."""


def _whole(value: Any) -> Any:
    """Accepts 1.0 as an integer, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(value: Any) -> Any:
    """Accepts ids as numbers or as strings of digits; " 1", "1.0" and "1_0", which int() would accept, are rejected."""
    return int(value) if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,15}", value) else _whole(value)


_ID_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": BIGGEST_ID},
        # One digit less than the maximum: a pattern cannot distinguish 2**53 from larger numbers.
        {"type": "string", "pattern": "^[1-9][0-9]{0,14}$", "description": "The same, written as text."},
    ]
}

# Patterns use ASCII classes because \w and \s differ between regex dialects, and clients validate with another one
# than pydantic's.
Id = Annotated[
    int,
    Field(ge=1, le=BIGGEST_ID, strict=True),
    BeforeValidator(_number),
    WithJsonSchema(_ID_SCHEMA, mode="validation"),
]
Prompt = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"\S")]
Model = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:@-]{1,100}$")]
AgentType = Literal[AGENT_TYPES]  # type: ignore[valid-type]
Images = Annotated[list[Annotated[str, Field(pattern=r"^data:image/[!-~]+$")]], Field(max_length=10)]
Temperature = Annotated[float, Field(ge=0, le=2)]


class _Request(BaseModel):
    """Base of request bodies. Unknown fields are rejected: a misspelt one would be ignored silently.

    Strict: strings are not converted to numbers, so that the API accepts exactly what its document says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class AgentRunRequest(_Request):
    """Starts an agent run. `temperature` has no counterpart at Codegen: it is stored in the run's metadata."""

    prompt: Prompt
    repo_id: Annotated[Id | None, Field(description="Codegen's number of the repository to work on.")] = None
    model: Model | None = None
    temperature: Temperature = 0.7
    metadata: Metadata | None = None
    images: Annotated[Images | None, Field(description="Images for the agent, as `data:` URLs.")] = None
    agent_type: AgentType | None = None


class ResumeRequest(_Request):
    """Resumes a run with a follow-up prompt."""

    prompt: Prompt
    images: Annotated[Images | None, Field(description="Images for the agent, as `data:` URLs.")] = None


class MultiRunRequest(_Request):
    """Runs several agents on the same prompt and merges the best results. Temperatures are stored in metadata."""

    prompt: Prompt
    concurrency: Annotated[
        int, Field(ge=1, le=MOST_ATTEMPTS, description="Number of attempts."), BeforeValidator(_whole)
    ] = 3
    repo_id: Annotated[Id | None, Field(description="Codegen's number of the repository to work on.")] = None
    model: Model | None = None
    metadata: Metadata | None = None
    synthesis_prompt: Annotated[
        Prompt | None, Field(description="The last agent's instructions for merging the attempts.")
    ] = None
    temperature: Temperature = 0.7
    synthesis_temperature: Temperature = 0.2
    timeout: Annotated[float, Field(gt=0, le=86_400, description="Seconds for all attempts together.")] = 600


class StarredRunRequest(_Request):
    """Stars or unstars a run."""

    agent_run_id: Id
    starred: bool
    org_id: Annotated[Id | None, Field(description="The organization; required if the token sees several.")] = None


class SetupCommandsRequest(_Request):
    """Has Codegen generate a repository's setup commands."""

    repo_id: Id
    language: Annotated[str, Field(max_length=100)] | None = None
    framework: Annotated[str, Field(max_length=100)] | None = None
    additional_info: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    prompt: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    org_id: Annotated[Id | None, Field(description="The organization; required if the token sees several.")] = None


class AnalyzeSandboxLogsRequest(_Request):
    """Has Codegen analyze a sandbox's setup, or the given logs: exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in ("sandbox_id", "logs")
            ]
        }
    )

    sandbox_id: Annotated[Id | None, Field(description="Codegen's number of the sandbox.")] = None
    logs: Annotated[str, Field(min_length=1, max_length=1_000_000, pattern=r"\S")] | None = None
    context: (
        Annotated[
            str, Field(max_length=LONGEST_TEXT, description="Sent with `logs`; Codegen accepts none with a sandbox.")
        ]
        | None
    ) = None
    org_id: Annotated[Id | None, Field(description="The organization; required if the token sees several.")] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.sandbox_id is None) == (self.logs is None):
            raise ValueError("give exactly one of sandbox_id and logs")
        return self


class BanChecksRequest(_Request):
    """`reason` is posted on the run's pull request: Codegen has no field for it."""

    reason: Annotated[str, Field(max_length=2_000, description="The reason, for readers.")] | None = None


class RemoveCodegenRequest(_Request):
    """`pr_number` must be one of the run's pull requests; `reason` is posted there."""

    pr_number: Annotated[Id | None, Field(description="GitHub's number of the pull request.")] = None
    reason: Annotated[str, Field(max_length=2_000, description="The reason, for readers.")] | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShownRun(AgentRun):
    """An agent run, with data that Codegen does not provide."""

    ended_at: Annotated[Moment, Field(description="When the bot saw it end; null if it did not.")] = None


class StarredRunResponse(_Answer):
    """The organization's starred runs, the newest star first."""

    agent_run_ids: list[int]


class Candidate(_Answer):
    """An attempt of a multi-run. `problem`: why it was not started or cannot be followed."""

    number: int
    agent_run_id: int | None
    status: str | None
    succeeded: bool
    result: str | None = None
    summary: str | None = None
    pull_request_urls: list[str] = []
    problem: str | None = None


class MultiRunResponse(_Answer):
    """A multi-run's state. `final` is the result, once there is one: the synthesis's, or the only good attempt's."""

    id: str
    status: Literal["running", "completed", "failed"]
    message: str
    final: str | None
    candidates: list[Candidate]
    agent_runs: list[AgentRun]


class DayOfRuns(_Answer):
    """The runs that were created on a day of UTC. `by_status`: the number of runs per state of the bot's."""

    day: date
    by_status: dict[str, int]


class TimeToFinish(_Answer):
    """How long runs took, in seconds, of those whose end the bot saw: `known` many. Nine of ten took at most `most`.

    `buckets`: how many took up to so many seconds, and more than the half of it.
    """

    known: int
    median: float | None
    most: float | None
    buckets: dict[int, int]


class Overview(_Answer):
    """Statistics of the last days' runs. `is_cut`: older runs are left out, because there are too many."""

    days: list[DayOfRuns]
    by_status: dict[str, int]
    runs: int
    ended: int
    succeeded: int
    success_share: float | None
    time_to_finish: TimeToFinish
    is_cut: bool


class FlagHelp(_Answer):
    """A flag of a command. `value`: its value's placeholder in the usage."""

    name: str
    short: str
    value: str
    sentence: str


class CommandHelp(_Answer):
    """A command, as `/codegen help` shows it."""

    name: str
    summary: str
    form: str
    example: str
    who: str
    flags: list[FlagHelp]


class SettingHelp(_Answer):
    """A value of a repository's config. `is_usual`: whether it is the default."""

    name: str
    value: Any
    is_usual: bool


class HelpResponse(_Answer):
    """The commands, and the effective config of the given repository; without one, the defaults. `problems`: what is
    wrong with its config file, which is then ignored."""

    repository: str | None
    prefix: str
    commands: list[CommandHelp]
    config: list[SettingHelp]
    problems: list[str]


class PageOf(_Answer, Generic[T]):
    """One page of a list, in Codegen's format."""

    items: list[T]
    total: int
    page: int
    size: int
    pages: int


class Done(_Answer):
    """What was done, as a sentence."""

    agent_run_id: int
    message: str


class FieldProblem(_Answer):
    """An invalid field of the body, parameter, or id in the path."""

    field: str
    message: str


class ProblemDocument(_Answer):
    """RFC 9457. The server's log has the request under its `request_id`; `errors` lists invalid fields."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldProblem] = []


class PageQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    skip: Annotated[int, Field(ge=0, le=1_000_000, description="Number of items to skip.")] = 0
    limit: Annotated[int, Field(ge=1, le=100, description="Number of items to return.")] = 100


class RunsQuery(PageQuery):
    """Filters and order, applied to all runs rather than to one page."""

    status: Annotated[str, Field(max_length=40, description="A status, in any of Codegen's spellings.")] | None = None
    source_type: Annotated[str, Field(max_length=40)] | None = None
    user_id: Annotated[int, Field(ge=1, le=BIGGEST_ID)] | None = None
    repo: (
        Annotated[str, Field(max_length=200, description="`owner/name` of a run's pull request or thread.")] | None
    ) = None
    starred: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    multi_run_id: Annotated[str, Field(max_length=120, description="Only the runs of this multi-run.")] | None = None
    q: (
        Annotated[str, Field(max_length=200, description="Words in the beginnings of a run's texts; case is ignored.")]
        | None
    ) = None
    sort: Literal["created_at", "-created_at", "status", "-status"] = "-created_at"


class LogsQuery(PageQuery):
    reverse: bool = False


class OrgQuery(BaseModel):
    """The organization, for endpoints without one in the path."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    org_id: Annotated[int, Field(ge=1, le=BIGGEST_ID)] | None = None


class OverviewQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    days: Annotated[int, Field(ge=1, le=90, description="Number of days, including today.")] = 14


class HelpQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    repository: Annotated[str, Field(max_length=200, description="`owner/name`, one of the organization's.")] | None = (
        None
    )


class MultiRunQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    wait: Annotated[bool, Field(description="Whether to respond only when it has ended.")] = False
