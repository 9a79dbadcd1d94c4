"""Requests and responses of the API, except Codegen's own (`bot.codegen.models`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bot.codegen.models import AgentRun, Moment, RunAuthor
from bot.commands.multi_run import MOST_ATTEMPTS
from bot.execution.agent_types import LONGEST_NAME, NAME_PATTERN

T = TypeVar("T")

LONGEST_TEXT = 100_000
"""Characters of a prompt or a log in a request."""

BIGGEST_ID = 2**53 - 1
"""The largest integer that every JSON parser represents exactly."""

LARGEST_METADATA = 16 * 1024
"""Bytes of metadata as JSON, with non-ASCII characters escaped."""

DEEPEST_METADATA = 10
"""Nesting levels of objects and lists."""


def _whole(value: Any) -> Any:
    """Accepts 1.0 as an integer, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(value: Any) -> Any:
    """Accepts ids as numbers or as strings of digits; " 1", "1.0" and "1_0", which int() would accept, are rejected."""
    return int(value) if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,15}", value) else _whole(value)


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    """:raises ValueError: if it is too large or nested too deeply"""
    level, inner = 0, [metadata]
    while inner:
        level += 1
        if level > DEEPEST_METADATA:
            raise ValueError(f"is nested deeper than {DEEPEST_METADATA} levels")
        inner = [*_containers(inner)]
    if len(json.dumps(metadata)) > LARGEST_METADATA:
        raise ValueError(f"has more than {LARGEST_METADATA} bytes as JSON")
    return metadata


def _containers(outer: Iterable[Any]) -> Iterator[Any]:
    """The objects and lists directly inside these."""
    for container in outer:
        inner = container.values() if isinstance(container, dict) else container
        yield from (each for each in inner if isinstance(each, dict | list))


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
AgentType = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        max_length=LONGEST_NAME,
        description="`codegen` or `claude_code`; with agents of the server's own, the name of one.",
    ),
]
Images = Annotated[
    Annotated[list[Annotated[str, Field(pattern=r"^data:image/[!-~]+$")]], Field(max_length=10)] | None,
    Field(description="Images for the agent, as `data:` URLs."),
]
Temperature = Annotated[float, Field(ge=0, le=2)]
Metadata = Annotated[
    dict[str, Any],
    AfterValidator(_bounded),
    Field(description=f"Stored with the run at Codegen. At most 16 kB as JSON, {DEEPEST_METADATA} levels deep."),
]
RepositoryId = Annotated[Id | None, Field(description="Codegen's number of the repository to work on.")]
OrgId = Annotated[Id | None, Field(description="The organization; required if the token sees several.")]
Reason = Annotated[Annotated[str, Field(max_length=2_000)] | None, Field(description="The reason, for readers.")]


class _Request(BaseModel):
    """Base of request bodies. Unknown fields are rejected: a misspelt one would be ignored silently.

    Strict: strings are not converted to numbers, so that the API accepts exactly what its document says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class AgentRunRequest(_Request):
    """Starts an agent run. `temperature` is unknown to Codegen: it is only stored in the run's metadata."""

    prompt: Prompt
    repo_id: RepositoryId = None
    model: Model | None = None
    temperature: Temperature | None = None
    metadata: Metadata | None = None
    images: Images = None
    agent_type: AgentType | None = None


class ResumeRequest(_Request):
    """Resumes a run with a follow-up prompt."""

    prompt: Prompt
    images: Images = None


class MultiRunRequest(_Request):
    """Runs several agents on the same prompt and merges the best results. Temperatures are only stored in metadata."""

    prompt: Prompt
    concurrency: Annotated[int, BeforeValidator(_whole)] = Field(
        3, ge=1, le=MOST_ATTEMPTS, description="Number of attempts."
    )
    repo_id: RepositoryId = None
    model: Model | None = None
    metadata: Metadata | None = None
    synthesis_prompt: Prompt | None = Field(None, description="The last agent's instructions for merging the attempts.")
    temperature: Temperature | None = None
    synthesis_temperature: Temperature | None = None
    timeout: float = Field(600, gt=0, le=86_400, description="Seconds for all attempts together.")


class StarredRunRequest(_Request):
    """Stars or unstars a run."""

    agent_run_id: Id
    starred: bool
    org_id: OrgId = None


class SetupCommandsRequest(_Request):
    """Has Codegen generate a repository's setup commands."""

    repo_id: Id
    language: str | None = Field(None, max_length=100)
    framework: str | None = Field(None, max_length=100)
    additional_info: str | None = Field(None, max_length=LONGEST_TEXT)
    prompt: str | None = Field(None, max_length=LONGEST_TEXT)
    org_id: OrgId = None


class AnalyzeSandboxLogsRequest(_Request):
    """Has Codegen analyze a sandbox's setup, or the given logs: exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in ("sandbox_id", "logs")
            ]
        }
    )

    sandbox_id: Id | None = Field(None, description="Codegen's number of the sandbox.")
    logs: str | None = Field(None, min_length=1, max_length=1_000_000, pattern=r"\S")
    context: str | None = Field(
        None, max_length=LONGEST_TEXT, description="Sent with `logs`; Codegen accepts none with a sandbox."
    )
    org_id: OrgId = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.sandbox_id is None) == (self.logs is None):
            raise ValueError("must have exactly one of sandbox_id and logs")
        return self


class BanChecksRequest(_Request):
    """`reason` is posted on the run's pull request: Codegen has no field for it."""

    reason: Reason = None


class RemoveCodegenRequest(_Request):
    """`pr_number` must be one of the run's pull requests; `reason` is posted there."""

    pr_number: Id | None = Field(None, description="GitHub's number of the pull request.")
    reason: Reason = None


class CancelRequest(_Request):
    """Has no fields."""


class KeepRequest(_Request):
    """`attempt`: the number of the one to keep; null: the synthesis."""

    # The limits come first: behind a validator (pydantic 2.14) the schema would name them "ge" and "le".
    attempt: Annotated[int, Field(ge=1, le=MOST_ATTEMPTS), BeforeValidator(_whole)] | None = None


class ResponseModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShownRun(AgentRun):
    """An agent run, with data that Codegen does not provide."""

    title: str | None = Field(
        None,
        description="What it is about, in one line: what was asked, else its pull request's title, else the beginning "
        "of its summary or result.",
    )
    author: RunAuthor | None = Field(None, description="The person who asked for it; null if not known.")
    ended_at: Moment = Field(None, description="When it ended, as far as the bot saw it or its log shows it.")
    working_seconds: float | None = Field(
        None,
        description="For how long it worked: without the time between an end and the next follow-up; up to now if it "
        "is working. null if not known.",
    )


class StarredRunResponse(ResponseModel):
    """The organization's starred runs, the newest star first."""

    agent_run_ids: list[int]


class Candidate(ResponseModel):
    """An attempt of a multi-run. `problem`: why it was not started or cannot be followed."""

    number: int
    agent_run_id: int | None
    status: str | None
    succeeded: bool
    result: str | None = None
    summary: str | None = None
    pull_request_urls: list[str] = []
    problem: str | None = None


class MultiRunResponse(ResponseModel):
    """A multi-run's state. `final` is the result, once there is one: the synthesis's, or the only good attempt's."""

    id: str
    status: Literal["running", "completed", "failed"]
    message: str
    final: str | None
    candidates: list[Candidate]
    agent_runs: list[AgentRun]


class PageOf(ResponseModel, Generic[T]):
    """One page of a list, in Codegen's format."""

    items: list[T]
    total: int
    page: int
    size: int
    pages: int


class Done(ResponseModel):
    """What was done, as a sentence."""

    agent_run_id: int
    message: str


class Kept(ResponseModel):
    """What was kept and closed, as a sentence."""

    id: str
    message: str


class FieldProblem(ResponseModel):
    """An invalid field of the body, parameter, or id in the path."""

    field: str
    message: str


class ProblemDocument(ResponseModel):
    """RFC 9457. The server's log has the request under its `request_id`; `errors` lists invalid fields."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldProblem] = []


class Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PageQuery(Query):
    skip: int = Field(0, ge=0, le=1_000_000, description="Number of items to skip.")
    limit: int = Field(100, ge=1, le=100, description="Number of items to return.")


class RunsQuery(PageQuery):
    """Filters and order, applied to all runs rather than to one page."""

    status: str | None = Field(None, max_length=40, description="A status, in any of Codegen's spellings.")
    source_type: str | None = Field(None, max_length=40)
    user_id: int | None = Field(None, ge=1, le=BIGGEST_ID)
    repo: str | None = Field(
        None, max_length=200, description="A part of `owner/name` of a run's pull request or thread; case is ignored."
    )
    author: str | None = Field(None, max_length=100, description="The GitHub login of the person who asked for it.")
    starred: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    multi_run_id: str | None = Field(None, max_length=120, description="Only the runs of this multi-run.")
    q: str | None = Field(
        None, max_length=200, description="Words in the beginnings of a run's texts; case is ignored."
    )
    sort: Literal["created_at", "-created_at", "status", "-status"] = "-created_at"


class LogsQuery(PageQuery):
    reverse: bool = False


class OrgQuery(Query):
    """The organization, for endpoints without one in the path."""

    org_id: int | None = Field(None, ge=1, le=BIGGEST_ID)


class MultiRunQuery(Query):
    wait: bool = Field(False, description="Whether to respond only when it has ended.")


class LogsStreamQuery(Query):
    poll_interval: float = Field(
        2.0,
        ge=0.5,
        le=60,
        allow_inf_nan=False,
        description="The longest time in seconds between two updates. It does not add requests to Codegen: the "
        "shortest interval among a token's subscribers sets the pace for all of them, from 2 seconds up.",
    )
    start: int = Field(
        0,
        alias="from",
        ge=0,
        le=1_000_000_000,
        description="The number of log entries already received: after a lost connection, the last `index` plus 1.",
    )
