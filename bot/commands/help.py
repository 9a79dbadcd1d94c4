"""``help``: the available commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Help:
    """Show the commands, or one of them in full.

    :param name: a command's name as somebody typed it; None: all
    """

    USAGE: ClassVar[Usage] = Usage(
        name="help",
        summary="Shows what can be said here and who may say it.",
        form="help [NAME]",
        example="help run",
        permission="read",
        only_shows=True,
    )

    name: str | None = None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        words = rest.partition("\n")[0].split(maxsplit=1)
        return cls(name=words[0].lower().replace("_", "-")[:40]) if words else cls()
