"""Whether a secret pattern can be used: it compiles, finds something, and does not obviously run for ever."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

from bot.repository_config.problems import shown

LONGEST_PATTERN = 200
"""Characters of one pattern."""

MOST_TIMES = 10_000
"""How often a piece of a pattern may be repeated, counted repeats inside each other multiplied."""

_TOKEN = re.compile(
    r"""
      \\.                                           # an escaped character
    | \[\^?\]?(?:\\.|[^\]\\])*\]                    # a set
    | (?P<opens>\()
    | (?P<closes>\))
    | (?P<varies>[*+]|\{\d*,(?P<most>\d*)\})
    | \{(?P<exactly>\d+)\}
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def fault(pattern: str) -> str | None:
    """What is wrong with a secret pattern, as the end of a sentence; None where it may be used.

    A repeat of a group that repeats, as in ``(a+)+``, takes time that doubles with each letter of a text that does not
    match, so it is refused. No such check finds all slow patterns, and this one refuses some that are quick.
    """
    if len(pattern) > LONGEST_PATTERN:
        return f"has more than {LONGEST_PATTERN} characters"
    try:
        with warnings.catch_warnings():
            # What Python warns about, such as "[[", it still compiles.
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {shown(str(error))}"
    if (slow := _slow(pattern)) is not None:
        return slow
    if compiled.search("") is not None:
        return "matches where there is nothing, so it would match everywhere"
    return None


@dataclass(slots=True)
class _Group:
    """What stands in a group.

    :param varies: whether there is a repeat of no fixed length
    :param times: how often the piece is repeated that is repeated most
    """

    varies: bool = False
    times: int = 1


def _slow(pattern: str) -> str | None:
    """Reads the pattern once, the open groups on a stack."""
    groups = [_Group()]
    closed: _Group | None = None  # the piece before, where it is a group
    for token in _TOKEN.finditer(pattern):
        inner, closed = closed or _Group(), None
        if token["opens"]:
            groups.append(_Group())
        elif token["closes"] and len(groups) > 1:
            closed = groups.pop()
            groups[-1].varies |= closed.varies
            groups[-1].times = max(groups[-1].times, closed.times)
        elif token["varies"] or token["exactly"]:
            if inner.varies:
                return "repeats a group that holds a repeat, which can run for ever; use one repeat, as in [a-z0-9-]+"
            times = inner.times * int(token["exactly"] or token["most"] or 1)
            if times > MOST_TIMES:
                return f"repeats something more than {MOST_TIMES} times"
            groups[-1].varies |= bool(token["varies"])
            groups[-1].times = max(groups[-1].times, times)
    return None
