"""Queries and bodies of requests. Field names are Codegen's."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from bot.agents.api.access import HIGHEST_ID, MEGABYTE
from bot.agents.api.github import PullRequestState

LONGEST_PROMPT = 1_000_000
MOST_IMAGES = 20
LARGEST_IMAGE = 5 * MEGABYTE
"""What the strictest of the model APIs accepts."""

LARGEST_METADATA = 64 * 1024
"""Bytes as JSON."""

DEEPEST_METADATA = 50

SourceType = Literal[
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
]

_DATA_URI = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,(?P<data>[A-Za-z0-9+/=\s]+)", re.ASCII | re.IGNORECASE)

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))


def _image(uri: str) -> str:
    """The same image, with the type that it really has: model APIs refuse one that is declared as another."""
    found = _DATA_URI.fullmatch(uri.strip())
    if found is None:
        raise ValueError("it is not a data URI of an image: data:image/png;base64,...")
    try:
        content = base64.b64decode("".join(found["data"].split()), validate=True)
    except binascii.Error:
        raise ValueError("its data is not base64") from None
    if len(content) > LARGEST_IMAGE:
        raise ValueError(f"it is larger than {LARGEST_IMAGE // MEGABYTE} MB")
    kind = next((kind for signature, kind in _SIGNATURES if content.startswith(signature)), None)
    if kind is None and content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "webp"
    if kind is None:
        raise ValueError("it is neither PNG, JPEG, GIF nor WebP")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    if _depth(metadata) > DEEPEST_METADATA:
        raise ValueError(f"it is nested more than {DEEPEST_METADATA} levels deep")
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > LARGEST_METADATA:
        raise ValueError(f"it has more than {LARGEST_METADATA // 1024} kB as JSON")
    return metadata


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        if depth > DEEPEST_METADATA:
            break
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def _not_blank(prompt: str) -> str:
    if not prompt.strip():
        raise ValueError("the prompt is empty")
    return prompt


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


Id = Annotated[int, Field(ge=-HIGHEST_ID, le=HIGHEST_ID)]
Prompt = Annotated[str, Field(max_length=LONGEST_PROMPT), AfterValidator(_not_blank)]
Images = Annotated[list[Annotated[str, AfterValidator(_image)]], Field(max_length=MOST_IMAGES)]
Metadata = Annotated[dict[str, Any], AfterValidator(_bounded)]
# It becomes an argument of a command: no options, no spaces.
Model = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./:@+\[\]-]{0,199}$")]


class _Request(BaseModel):
    """Unknown fields are ignored, as Codegen does."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PageQuery(_Request):
    skip: int = Field(default=0, ge=0, le=2**40)
    limit: int = Field(default=100, ge=1, le=100)


class RunsQuery(PageQuery):
    user_id: Annotated[Id | None, BeforeValidator(_none_if_empty)] = None
    source_type: Annotated[SourceType | None, BeforeValidator(_none_if_empty)] = None


class CostsQuery(_Request):
    """:param repository: ``owner/name``, where the turns were asked for"""

    since: AwareDatetime
    repository: Annotated[str, Field(max_length=200)] | None = None


_Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]


class HeadQuery(_Request):
    """:param hint: the run that the commit itself names"""

    repository: Annotated[str, Field(max_length=200)]
    number: Annotated[int, Field(ge=1, le=HIGHEST_ID)]
    sha: _Sha
    hint: Id | None = None


class ClaimCheckRound(_Request):
    """:param failure: what failed, to be recognized in the next round
    :param is_anew: whether the rounds before are over
    """

    agent_run_id: Id
    sha: _Sha
    identity: Annotated[str, Field(min_length=1, max_length=200)]
    failure: Annotated[str, Field(max_length=200)]
    is_anew: bool = False


class LogsQuery(PageQuery):
    reverse: bool = False


class RepositoryQuery(_Request):
    repo_id: Id


class OrganizationQuery(_Request):
    org_id: Id


class ProviderQuery(OrganizationQuery):
    provider: str


class CreateRun(_Request):
    """:param agent_type: the name of a configured agent"""

    prompt: Prompt
    images: Images | None = None
    metadata: Metadata | None = None
    repo_id: Id | None = None
    model: Annotated[Model | None, BeforeValidator(_none_if_empty)] = None
    agent_type: Annotated[str | None, BeforeValidator(_none_if_empty)] = None


class ResumeRun(_Request):
    """:param metadata: not Codegen's: the bot's mark says for whom this turn is"""

    agent_run_id: Id
    prompt: Prompt
    images: Images | None = None
    metadata: Metadata | None = None


class RunReference(_Request):
    """The places on a board that Codegen's description has besides are ignored: there is no board."""

    agent_run_id: Id


class EditPullRequest(_Request):
    state: PullRequestState


class GenerateSetupCommands(_Request):
    repo_id: Id
    prompt: Annotated[str, Field(max_length=LONGEST_PROMPT)] | None = None
    trigger_source: str = "setup-commands"


_Names = Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=1_000)]
_Retries = Annotated[int, Field(ge=0, le=10)]


class CheckSettings(_Request):
    """The settings to change; those that are None stay."""

    check_retry_count: _Retries | None = None
    ignored_checks: _Names | None = None
    check_retry_counts: Annotated[dict[str, _Retries], Field(max_length=1_000)] | None = None
    custom_prompts: Annotated[dict[str, str], Field(max_length=1_000)] | None = None
    high_priority_apps: _Names | None = None

    def change(self) -> Mapping[str, Any]:
        return self.model_dump(exclude_none=True)
