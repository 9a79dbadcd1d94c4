"""``star``, ``unstar`` and ``starred``: the team's stars on runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.of_run import OfRun
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Star(OfRun):
    """Mark a run."""

    USAGE: ClassVar[Usage] = Usage(
        name="star",
        summary="Marks a run for the team; its pull request gets the label `codegen:starred`.",
        form="star [RUN]",
        example="star 7",
        permission="write",
    )


@dataclass(frozen=True, slots=True)
class Unstar(OfRun):
    """Take a run's mark away."""

    USAGE: ClassVar[Usage] = Usage(
        name="unstar",
        summary="Takes a run's mark away.",
        form="unstar [RUN]",
        example="unstar 7",
        permission="write",
    )


@dataclass(frozen=True, slots=True)
class Starred:
    """Show the marked runs."""

    USAGE: ClassVar[Usage] = Usage(
        name="starred",
        summary="Shows the runs that the team has marked.",
        form="starred",
        example="starred",
        permission="write",
        only_shows=True,
    )

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """Any further text belongs to the comment, not to the command."""
        return cls()
