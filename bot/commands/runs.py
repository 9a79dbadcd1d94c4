"""``runs``: the latest runs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.codegen.states import State, normalise
from bot.commands.usage import Flag, ParseError, Usage

MOST_RUNS = 50

_WORDS_FOR_WORKING = frozenset({"active", "running", "evaluation", "in-progress"})
"""Codegen's words for it: every word that `normalise` does not know means working as well."""


@dataclass(frozen=True, slots=True)
class ListRuns:
    """Show the latest runs.

    :param status: only those in this state
    :param limit: how many, up to `MOST_RUNS`
    """

    USAGE: ClassVar[Usage] = Usage(
        name="runs",
        summary="Shows the latest runs, those of this thread marked.",
        form="runs [--status S] [--limit N]",
        example="runs --status failed --limit 20",
        permission="write",
        flags=(
            Flag(
                name="--status",
                short="-s",
                value="S",
                sentence=f"Only those in this state: {', '.join(f'`{state}`' for state in State)}.",
            ),
            Flag(name="--limit", short="-n", value="N", sentence=f"How many, 1 to {MOST_RUNS}; 10 without it."),
        ),
        only_shows=True,
    )

    status: State | None = None
    limit: int = 10

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid, or there is anything but flags"""
        if rest.partition("\n")[0].strip():
            raise ParseError("`runs` takes `--status` and `--limit` and nothing else.")
        return cls(
            status=next(map(_read_state, flags.get("--status", ())), None),
            limit=next(map(_read_limit, flags.get("--limit", ())), 10),
        )


def _read_state(typed: str) -> State:
    """The state for a word: the bot's own, or one of Codegen's in any case."""
    word = re.sub(r"[\s_-]+", "-", typed.strip()).lower()
    if word in [*State]:
        return State(word)
    state = normalise(word)
    if state is not State.WORKING or word in _WORDS_FOR_WORKING:
        return state
    near = difflib.get_close_matches(word[:40], [*State], n=1, cutoff=0.5)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    raise ParseError(f"`--status` takes one of {', '.join(f'`{each}`' for each in State)}.{hint}")


def _read_limit(typed: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", typed) or not 1 <= int(typed) <= MOST_RUNS:
        raise ParseError(f"`--limit` takes a whole number from 1 to {MOST_RUNS}.")
    return int(typed)
