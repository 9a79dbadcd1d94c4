"""``users``: the members of the Codegen organization."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import ParseError, Usage


@dataclass(frozen=True, slots=True)
class Users:
    """Show the organization's people.

    :param user: Codegen's number of one of them; None: all
    """

    USAGE: ClassVar[Usage] = Usage(
        name="users",
        summary="Shows the people of the Codegen organization, or the one with this number.",
        form="users [ID]",
        example="users 2",
        permission="write",
        only_shows=True,
    )

    user: int | None = None

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is not a user's id"""
        typed = rest.partition("\n")[0].strip()
        if not typed:
            return cls()
        if not re.fullmatch("[1-9][0-9]{0,14}", typed):
            raise ParseError("`users` takes Codegen's number of a user and nothing else.")
        return cls(user=int(typed))
