"""``checks``: how Codegen reacts to this repository's checks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Flag, ParseError, Usage

MOST_RETRIES = 10
"""Codegen's limit (CheckSuiteSettingsRequest of its API description)."""

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Checks:
    """Show the check-suite settings of this repository, and change them where something is given.

    :param retries: from 0 to `MOST_RETRIES`; None: as it is
    :param ignore: names of checks to ignore besides those that are
    :param unignore: names of checks to ignore no longer
    """

    USAGE: ClassVar[Usage] = Usage(
        name="checks",
        summary="Shows how Codegen reacts to this repository's checks, and changes it.",
        form="checks [--retries N] [--ignore NAME]... [--unignore NAME]...",
        example='checks --retries 5 --ignore "nightly build"',
        permission="write",
        flags=(
            Flag(
                name="--retries",
                short="-r",
                value="N",
                sentence=f"How often Codegen tries to repair a failed check, 0 to {MOST_RETRIES}.",
            ),
            Flag(name="--ignore", short="-i", value="NAME", sentence="A check to leave alone.", many=True),
            Flag(name="--unignore", short="-u", value="NAME", sentence="Stop ignoring a check.", many=True),
        ),
    )

    retries: int | None = None
    ignore: tuple[str, ...] = ()
    unignore: tuple[str, ...] = ()

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid, or there is anything but flags"""
        if rest.partition("\n")[0].strip():
            raise ParseError("`checks` takes its flags and nothing else; a name of several words stands in quotes.")
        ignore, unignore = _names(flags, "--ignore"), _names(flags, "--unignore")
        if {*ignore} & {*unignore}:
            raise ParseError("The same check cannot be in --ignore and in --unignore.")
        return cls(retries=_retries(flags), ignore=ignore, unignore=unignore)

    @property
    def changes(self) -> bool:
        return self.retries is not None or bool(self.ignore or self.unignore)


def _retries(flags: Mapping[str, Sequence[str]]) -> int | None:
    for value in flags.get("--retries", ()):
        if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > MOST_RETRIES:
            raise ParseError(f"`--retries` takes a whole number from 0 to {MOST_RETRIES}.")
        return int(value)
    return None


def _names(flags: Mapping[str, Sequence[str]], flag: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in flags.get(flag, ())))
    if not all(name.isprintable() and 0 < len(name) <= _LONGEST_NAME for name in names):
        raise ParseError(f"`{flag}` takes a check's name: one line of {_LONGEST_NAME} characters at most.")
    return names
