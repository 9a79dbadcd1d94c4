"""The usage of a command as data for help texts, docs and error messages, and what the commands' parsers share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, Self

RequiredPermission = Literal["read", "write"]
"""The repository permission that a command needs."""

Flags = Mapping[str, Sequence[str]]
"""The values of the flags that were given, by the long option."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a command.

    :param value: the placeholder of its value, or the choices; every flag takes one
    """

    name: str
    short: str
    value: str
    description: str
    _: KW_ONLY
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of a command.

    :param arguments: what follows the flags
    :param example_arguments: what follows the name in the example
    :param read_only: whether it changes nothing but its own reply
    :param sets_latest: whether its runs become the thread's latest: it starts them, or gives one a follow-up
    """

    name: str
    summary: str
    _: KW_ONLY
    arguments: str = ""
    example_arguments: str = ""
    flags: tuple[Flag, ...] = ()
    permission: RequiredPermission = "write"
    read_only: bool = False
    sets_latest: bool = False

    @property
    def form(self) -> str:
        """What follows the prefix, such as ``runs [--limit N]``."""
        flags = (f"[{flag.name} {flag.value}]{'...' if flag.repeatable else ''}" for flag in self.flags)
        return " ".join((self.name, *flags, self.arguments)).rstrip()

    @property
    def example(self) -> str:
        """A whole line without the prefix, such as ``runs --limit 20``."""
        return f"{self.name} {self.example_arguments}".rstrip()


def run_usage(name: str, summary: str, *, permission: RequiredPermission = "write", read_only: bool = False) -> Usage:
    """The usage of a `RunCommand`."""
    return Usage(name, summary, arguments="[RUN]", example_arguments="7", permission=permission, read_only=read_only)


@dataclass(frozen=True, slots=True)
class InvalidCommand:
    """A command that cannot be parsed.

    :param text: the reply: what is wrong and how to correct it, in Markdown
    :param name: the command's name as far as it was parsed
    """

    text: str
    name: str


@dataclass(frozen=True, slots=True)
class NamedPromptUse:
    """The use of one of the repository's named prompts.

    :param template: the prompt with its placeholders
    :param rest: the text after the name and its flags
    """

    name: str
    template: str
    rest: str


class ParseError(ValueError):
    """Invalid flags or arguments; the text says what is wrong, without the example."""


@dataclass(frozen=True, slots=True)
class NoArgsCommand:
    """A command that is its name and nothing else."""

    USAGE: ClassVar[Usage]

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """Any further text belongs to the comment, not to the command."""
        return cls()


@dataclass(frozen=True, slots=True)
class RunCommand:
    """A command on one run.

    :param run: the run's id; None: the thread's latest
    """

    USAGE: ClassVar[Usage]

    run: int | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the argument is not a run's id"""
        run, more = split_run(first_line(rest))
        if more:
            raise ParseError(f"`{cls.USAGE.name}` takes a run number and nothing else.")
        return cls(run)


_PAGE = r"https?://[^\s/()]+/(?:agent/trace|\#/runs)/"
_RUN = re.compile(
    rf"(?:{_PAGE})?([0-9]+)/?(?=\s|$)|\[[^][\n]{{1,100}}\]\({_PAGE}([0-9]+)/?\)", re.ASCII | re.IGNORECASE
)
_ONLY_RUN = re.compile(r"#([0-9]+)(?=\s*$|\s+--)", re.ASCII)
_HIGHEST_ID = 2**53
"""Ids above it would lose precision in some JSON readers."""


def read_id(text: str, *, problem: str) -> int:
    """An id of Codegen's: a user's, a run's, a repository's, a sandbox's.

    :param problem: the error's text
    :raises ParseError: if it cannot be one
    """
    # Python refuses to read numbers of thousands of digits.
    if not re.fullmatch("[0-9]{1,16}", text) or not 0 < int(text) <= _HIGHEST_ID:
        raise ParseError(problem)
    return int(text)


def split_run(text: str) -> tuple[int | None, str]:
    """The run's id at the start of a text (``7``, or its page's URL, also as a link), and the text after it.

    Only without a text after it may it be ``#7``, which in a sentence means an issue.

    :raises ParseError: if the number cannot be a run's id
    """
    found = _ONLY_RUN.match(text) or _RUN.match(text)
    if found is None:
        return None, text.strip()
    run = read_id(found[found.lastindex or 0], problem="A run number is a whole number above 0.")
    return run, text[found.end() :].strip()


def first_line(rest: str) -> str:
    """The part of the text after the flags that belongs to a command without a prompt."""
    return rest.partition("\n")[0].strip()


def whole_number(text: str, lowest: int, highest: int, *, name: str) -> int:
    """:param name: of what takes the number, such as ``--limit``
    :raises ParseError: if it is not a whole number from `lowest` to `highest`
    """
    if not re.fullmatch("[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
        raise ParseError(f"`{name}` takes a whole number from {lowest} to {highest}.")
    return int(text)


def number_flag(flags: Flags, name: str, lowest: int, highest: int) -> int | None:
    """The value of a flag that may be given once; None without it.

    :raises ParseError: as `whole_number`
    """
    return next((whole_number(value, lowest, highest, name=name) for value in flags.get(name, ())), None)


def required_prompt(rest: str) -> str:
    """:raises ParseError: if it is missing"""
    if not (prompt := rest.strip()):
        raise ParseError("The prompt is missing: say what to do.")
    return prompt
