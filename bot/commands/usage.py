"""How a command is used, as data: help texts, the table of docs/commands.md and error messages are all made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Needed = Literal["read", "write"]
"""The repository permission that a command takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag of a command.

    :param name: the long option
    :param value: what its value is, in capitals; every flag of a command takes one
    :param many: whether it may be given more than once
    """

    name: str
    short: str
    value: str
    sentence: str
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How a command is said.

    :param form: what follows the prefix
    :param example: a whole line without the prefix, as somebody would write it
    :param only_shows: whether it changes nothing anywhere but its own reply
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
    """A command that cannot be understood.

    :param text: what is wrong and how it is said right, in Markdown: the reply
    :param name: the command's name as far as it was understood
    """

    text: str
    name: str


class ParseError(ValueError):
    """What follows a command's name does not fit it; the text says what is wrong, without the example."""
