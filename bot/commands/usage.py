"""The usage of a command as data, for help texts, the table of docs/commands.md and error messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Needed = Literal["read", "write"]
"""The repository permission that a command needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag of a command.

    :param name: the long option
    :param value: the placeholder of its value, in capitals; every flag takes one
    :param many: whether it may be repeated
    """

    name: str
    short: str
    value: str
    sentence: str
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The usage of a command.

    :param form: what follows the prefix
    :param example: a whole line without the prefix
    :param only_shows: whether it changes nothing but its own reply
    :param sets_latest: whether its runs become the thread's latest: it starts them, or gives one a follow-up
    """

    name: str
    summary: str
    form: str
    example: str
    permission: Needed
    flags: tuple[Flag, ...] = ()
    only_shows: bool = False
    sets_latest: bool = False


@dataclass(frozen=True, slots=True)
class InvalidCommand:
    """A command that cannot be parsed.

    :param text: the reply: what is wrong and how to correct it, in Markdown
    :param name: the command's name as far as it was parsed
    """

    text: str
    name: str


class ParseError(ValueError):
    """Invalid flags or arguments; the text says what is wrong, without the example."""
