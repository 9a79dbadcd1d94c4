"""``run``: starts an agent on this thread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Flag, ParseError, Usage

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
        sets_latest=True,
        flags=(
            Flag(name="--model", short="-m", value="M", sentence="The model to use."),
            Flag(name="--agent-type", short="-a", value="TYPE", sentence="`codegen` or `claude_code`."),
            Flag(
                name="--repo-id",
                short="-r",
                value="N",
                sentence="Codegen's number of the repository to work in; another one takes write access there.",
            ),
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
        """:raises ParseError: if a flag's value is invalid or the prompt is missing"""
        prompt = rest.strip()
        if not prompt:
            raise ParseError("The prompt is missing: say what the agent is to do.")
        return cls(
            prompt=prompt,
            model=next(iter(read_models(flags)), None),
            agent_type=next(iter(read_agent_types(flags)), None),
            repo_id=read_repo_id(flags),
            images=read_images(flags),
        )


def read_models(flags: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """:raises ParseError: if one of them cannot be a model's name"""
    models = tuple(flags.get("--model", ()))
    if not all(_MODEL.fullmatch(model) for model in models):
        raise ParseError("`--model` takes a model's name: letters, digits and `. / : @ _ -`.")
    return models


def read_agent_types(flags: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """:raises ParseError: if one of them is not in `AGENT_TYPES`"""
    types = tuple(value.lower().replace("-", "_") for value in flags.get("--agent-type", ()))
    if not all(each in AGENT_TYPES for each in types):
        raise ParseError("`--agent-type` is `codegen` or `claude_code`.")
    return types


def read_repo_id(flags: Mapping[str, Sequence[str]]) -> int | None:
    """:raises ParseError: if it is not a number"""
    for value in flags.get("--repo-id", ()):
        if not re.fullmatch(r"[1-9][0-9]{0,9}", value):
            raise ParseError("`--repo-id` takes Codegen's number of a repository.")
        return int(value)
    return None


def read_images(flags: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """:raises ParseError: if there are too many, or one is not an image's address"""
    images = tuple(flags.get("--image", ()))
    if len(images) > _IMAGE_LIMIT:
        raise ParseError(f"`--image` may be given {_IMAGE_LIMIT} times at most.")
    if not all(_IMAGE.fullmatch(image) for image in images):
        raise ParseError("`--image` takes an address that starts with `https://`, or a `data:image/` one.")
    return images
