"""``resume``: gives a run a follow-up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import ParseError, Usage

_RUN = re.compile(
    r"(?:https://(?:www\.)?codegen\.(?:com|sh)/agent/trace/)?([0-9]+)/?(?=\s|$)", re.ASCII | re.IGNORECASE
)
_BIGGEST = 2**53
"""Ids above it would lose precision in some JSON readers."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Give a run this follow-up.

    :param run: the run's id; None: the thread's latest
    """

    USAGE: ClassVar[Usage] = Usage(
        name="resume",
        summary="Gives a run a follow-up; without a number, this thread's latest run.",
        form="resume [RUN] PROMPT",
        example="resume also update the changelog",
        permission="write",
        sets_latest=True,
    )

    prompt: str
    run: int | None = None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the prompt is missing"""
        run, prompt = split_run(rest.strip())
        if not prompt:
            raise ParseError("The prompt is missing: say what the agent is to do next.")
        return cls(prompt=prompt, run=run)


def split_run(text: str) -> tuple[int | None, str]:
    """The run's id at the start of a text (``7`` or the address of its page), and the text after it.

    :raises ParseError: if the number cannot be a run's id
    """
    found = _RUN.match(text)
    if found is None:
        return None, text.strip()
    # Python refuses to read numbers of thousands of digits.
    if len(found[1]) > len(str(_BIGGEST)) or not 0 < int(found[1]) <= _BIGGEST:
        raise ParseError("A run's number is a whole number above 0.")
    return int(found[1]), text[found.end() :].strip()
