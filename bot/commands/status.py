"""``status``: the state of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.resume import split_run
from bot.commands.usage import ParseError, Usage


@dataclass(frozen=True, slots=True)
class Status:
    """Show how a run is.

    :param run: the run's id; None: the thread's latest
    """

    USAGE: ClassVar[Usage] = Usage(
        name="status",
        summary="Shows how a run is; without a number, this thread's latest run.",
        form="status [RUN]",
        example="status 7",
        permission="read",
        only_shows=True,
    )

    run: int | None = None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is not a run's id"""
        run, more = split_run(rest.partition("\n")[0].strip())
        if more:
            raise ParseError("`status` takes a run's number and nothing else.")
        return cls(run=run)
