"""``logs``: the actions of a run, from its trace."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.resume import split_run
from bot.commands.usage import Flag, ParseError, Usage

MOST_ENTRIES = 100
USUAL_ENTRIES = 20

_LAST = re.compile(r"(?:--last|[—–]last|-n)(?:[ \t]+|=)(\S+)")  # noqa: RUF001 - phones turn hyphens into dashes


@dataclass(frozen=True, slots=True)
class Logs:
    """Show what a run did.

    :param run: the run's id; None: the thread's latest
    :param last: how many of its log's entries to show, up to `MOST_ENTRIES`
    """

    USAGE: ClassVar[Usage] = Usage(
        name="logs",
        summary="Shows what a run did: errors, tools, last thoughts, its answer and the end of its log.",
        form="logs [RUN] [--last N]",
        example="logs 7 --last 50",
        permission="write",
        flags=(
            Flag(
                name="--last",
                short="-n",
                value="N",
                sentence=f"How many log entries, 1 to {MOST_ENTRIES}; {USUAL_ENTRIES} without it.",
            ),
        ),
        only_shows=True,
    )

    run: int | None = None
    last: int = USUAL_ENTRIES

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:
        """:raises ParseError: if the run's id or the flag's value is invalid"""
        run, more = split_run(rest.partition("\n")[0].strip())
        given = [*flags.get("--last", ())]
        # Unlike other flags, this one may follow the run's id.
        if found := _LAST.fullmatch(more):
            given.append(found[1])
        elif more:
            raise ParseError("`logs` takes a run's number and `--last N`, and nothing else.")
        if len(given) > 1:
            raise ParseError("`--last` was given twice.")
        return cls(run=run, last=_read_last(given[0]) if given else USUAL_ENTRIES)


def _read_last(typed: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", typed) or not 1 <= int(typed) <= MOST_ENTRIES:
        raise ParseError(f"`--last` takes a whole number from 1 to {MOST_ENTRIES}.")
    return int(typed)
