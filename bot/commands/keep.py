"""``keep``: keeps one attempt's pull requests of a multi-run and closes the others'."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.multi_run import MOST_ATTEMPTS
from bot.commands.usage import ParseError, Usage

SYNTHESIS = "synthesis"


@dataclass(frozen=True, slots=True)
class Keep:
    """Close the pull requests of the other attempts of this thread's latest multi-run.

    :param attempt: its number, from 1; None: the synthesis
    """

    USAGE: ClassVar[Usage] = Usage(
        name="keep",
        summary="Keeps one attempt of the latest multi-run (or its synthesis) and closes the others' pull requests.",
        form="keep N|synthesis",
        example="keep 2",
        permission="write",
    )

    attempt: int | None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is neither an attempt's number nor ``synthesis``"""
        word = rest.partition("\n")[0].strip().lower()
        if word == SYNTHESIS:
            return cls(None)
        if not re.fullmatch(r"[0-9]{1,3}", word) or not 1 <= int(word) <= MOST_ATTEMPTS:
            raise ParseError("`keep` takes the number of an attempt, or the word `synthesis`.")
        return cls(int(word))
