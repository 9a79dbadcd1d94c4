"""``setup-commands``: the commands that set this repository up for agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import ParseError, Usage

LONGEST_PROMPT = 20_000


@dataclass(frozen=True, slots=True)
class SetupCommands:
    """Have the repository's set-up commands worked out.

    :param prompt: what to mind; None: nothing in particular
    """

    USAGE: ClassVar[Usage] = Usage(
        name="setup-commands",
        summary="Works out the commands that set this repository up in Codegen's sandboxes.",
        form="setup-commands [PROMPT]",
        example="setup-commands use uv instead of pip",
        permission="write",
        sets_latest=True,
    )

    prompt: str | None = None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the prompt is too long"""
        prompt = rest.strip()
        if len(prompt) > LONGEST_PROMPT:
            raise ParseError(f"`setup-commands` takes a prompt of {LONGEST_PROMPT:,} characters at most.")
        return cls(prompt or None)
