"""The base class of commands without flags and arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class NoArgsCommand:
    """A command that is its name and nothing else."""

    USAGE: ClassVar[Usage]

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """Any further text belongs to the comment, not to the command."""
        return cls()
