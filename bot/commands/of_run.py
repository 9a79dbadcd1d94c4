"""The base class of commands whose only argument is a run's id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.resume import split_run
from bot.commands.usage import ParseError, Usage


@dataclass(frozen=True, slots=True)
class OfRun:
    """A command on one run.

    :param run: the run's id; None: the thread's latest
    """

    USAGE: ClassVar[Usage]

    run: int | None = None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is not a run's id"""
        run, more = split_run(rest.partition("\n")[0].strip())
        if more:
            raise ParseError(f"`{cls.USAGE.name}` takes a run's number and nothing else.")
        return cls(run=run)
