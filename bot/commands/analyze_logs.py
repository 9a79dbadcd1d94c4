"""``analyze-logs``: why a sandbox's set-up or a pull request's checks failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import ParseError, Usage


@dataclass(frozen=True, slots=True)
class AnalyzeLogs:
    """Have logs explained.

    :param sandbox_id: Codegen's number of a sandbox; None: the failed checks of the pull request's head
    """

    USAGE: ClassVar[Usage] = Usage(
        name="analyze-logs",
        summary="Explains why a sandbox's set-up failed; without a number, why this pull request's checks failed.",
        form="analyze-logs [SANDBOX_ID]",
        example="analyze-logs",
        permission="write",
        sets_latest=True,
    )

    sandbox_id: int | None = None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is not a sandbox id"""
        word = rest.partition("\n")[0].strip()
        if not word:
            return cls()
        if not re.fullmatch(r"[1-9][0-9]{0,15}", word, re.ASCII):
            raise ParseError("`analyze-logs` takes a sandbox's number and nothing else.")
        return cls(int(word))
