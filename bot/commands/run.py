"""``run``: start an agent on this thread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Flag, MisreadError, Usage

AGENT_TYPES = ("codegen", "claude_code")
"""Codegen's agent types (CreateAgentRunInput of its API description)."""

_MODEL = re.compile(r"[\w./:@-]{1,100}", re.ASCII)
_IMAGE = re.compile(r"https?://[^\s/][^\s]{0,2000}|data:image/[^\s]+", re.IGNORECASE)
_IMAGE_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Run:
    """Start one agent run with this prompt.

    :param model: a model's name; None: the organization's default
    :param agent_type: one of `AGENT_TYPES`; None: the organization's default
    :param repo_id: Codegen's id of the repository to work in; None: Codegen finds it from the prompt
    :param images: addresses of images for the agent to look at
    """

    USAGE: ClassVar[Usage] = Usage(
        name="run",
        summary="Starts an agent on this pull request or issue.",
        form=r"run [--model M] [--agent-type codegen|claude_code] [--repo-id N] [--image URL]... PROMPT",
        example="run fix the flaky checkout test",
        permission="write",
        flags=(
            Flag(name="--model", short="-m", value="M", sentence="The model to use."),
            Flag(name="--agent-type", short="-a", value="TYPE", sentence="`codegen` or `claude_code`."),
            Flag(name="--repo-id", short="-r", value="N", sentence="Codegen's number of the repository to work in."),
            Flag(name="--image", short="-i", value="URL", sentence="An image to look at, up to ten.", many=True),
        ),
    )

    prompt: str
    model: str | None = None
    agent_type: str | None = None
    repo_id: int | None = None
    images: tuple[str, ...] = ()

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:
        """:raises MisreadError: where a flag's value does not fit or the prompt is missing."""
        prompt = rest.strip()
        if not prompt:
            raise MisreadError("The prompt is missing: say what the agent is to do.")
        return cls(
            prompt=prompt,
            model=_model(flags),
            agent_type=_agent_type(flags),
            repo_id=_repo_id(flags),
            images=_images(flags),
        )


def _model(flags: Mapping[str, Sequence[str]]) -> str | None:
    for value in flags.get("--model", ()):
        if not _MODEL.fullmatch(value):
            raise MisreadError("`--model` takes a model's name: letters, digits and `. / : @ _ -`.")
        return value
    return None


def _agent_type(flags: Mapping[str, Sequence[str]]) -> str | None:
    for value in flags.get("--agent-type", ()):
        if (known := value.lower().replace("-", "_")) not in AGENT_TYPES:
            raise MisreadError("`--agent-type` is `codegen` or `claude_code`.")
        return known
    return None


def _repo_id(flags: Mapping[str, Sequence[str]]) -> int | None:
    for value in flags.get("--repo-id", ()):
        if not re.fullmatch(r"[1-9][0-9]{0,9}", value):
            raise MisreadError("`--repo-id` takes Codegen's number of a repository.")
        return int(value)
    return None


def _images(flags: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    images = tuple(flags.get("--image", ()))
    if len(images) > _IMAGE_LIMIT:
        raise MisreadError(f"`--image` may be given {_IMAGE_LIMIT} times at most.")
    for image in images:
        if not _IMAGE.fullmatch(image):
            raise MisreadError("`--image` takes an address that starts with `https://`, or a `data:image/` one.")
    return images
