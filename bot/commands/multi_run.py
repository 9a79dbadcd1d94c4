"""``multi-run``: several agents at one task, then a synthesis of their results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.run import read_agent_types, read_images, read_models, read_repo_id
from bot.commands.usage import Flag, ParseError, Usage

MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class MultiRun:
    """Let several agents try the same prompt.

    :param attempts: from 1 to `MOST_ATTEMPTS`; None: the repository's default
    :param synthesis_prompt: what the last agent is told beside the problem and the candidates
    :param models: dealt out in turn
    :param agent_types: dealt out in turn
    """

    USAGE: ClassVar[Usage] = Usage(
        name="multi-run",
        summary="Lets several agents try the same, then one more makes the best of it.",
        form=(
            "multi-run [--attempts N] [--synthesis-prompt P] [--model M]... [--agent-type codegen|claude_code]... "
            "[--repo-id N] [--image URL]... PROMPT"
        ),
        example="multi-run -n 3 make the checkout twice as fast",
        permission="write",
        sets_latest=True,
        flags=(
            Flag(name="--attempts", short="-n", value="N", sentence=f"How many agents, 1 to {MOST_ATTEMPTS}."),
            Flag(name="--synthesis-prompt", short="-s", value="P", sentence="What the last agent is told besides."),
            Flag(name="--model", short="-m", value="M", sentence="A model; several are dealt out in turn.", many=True),
            Flag(
                name="--agent-type",
                short="-a",
                value="TYPE",
                sentence="`codegen` or `claude_code`; several are dealt out in turn.",
                many=True,
            ),
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
    attempts: int | None = None
    synthesis_prompt: str | None = None
    models: tuple[str, ...] = ()
    agent_types: tuple[str, ...] = ()
    repo_id: int | None = None
    images: tuple[str, ...] = ()

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid or the prompt is missing"""
        prompt = rest.strip()
        if not prompt:
            raise ParseError("The prompt is missing: say what the agents are to do.")
        return cls(
            prompt=prompt,
            attempts=_attempts(flags),
            synthesis_prompt=next(iter(flags.get("--synthesis-prompt", ())), None),
            models=read_models(flags),
            agent_types=read_agent_types(flags),
            repo_id=read_repo_id(flags),
            images=read_images(flags),
        )


def _attempts(flags: Mapping[str, Sequence[str]]) -> int | None:
    for value in flags.get("--attempts", ()):
        if not re.fullmatch(r"[0-9]{1,3}", value) or not 1 <= int(value) <= MOST_ATTEMPTS:
            raise ParseError(f"`-n` takes a whole number from 1 to {MOST_ATTEMPTS}.")
        return int(value)
    return None
