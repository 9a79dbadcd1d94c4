"""Whether a secret pattern can be used: it compiles, finds something, and is not too large to compile.

How long it takes is another question: `bot.repository_config.matching` limits that for every text, and
`bot.repository_config.pattern_speed` measures it for whoever checks a file.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from bot.repository_config.matching import TOKEN, compile_pattern
from bot.repository_config.problems import shown

LONGEST_PATTERN = 200
"""Characters of one pattern."""

MOST_TIMES = 10_000
"""How often a piece of a pattern may be repeated, counted repeats inside each other multiplied."""

MOST_NESTED = 4
"""Repeats inside each other. `regex` writes a counted one out, and ``+`` twice: fifty of them would fill the memory."""


@lru_cache(maxsize=1_000)
def fault(pattern: str) -> str | None:
    """What is wrong with a secret pattern, as the end of a sentence; None where it may be used."""
    if len(pattern) > LONGEST_PATTERN:
        return f"has more than {LONGEST_PATTERN} characters"
    try:
        with warnings.catch_warnings():
            # What Python warns about, such as "[[", it still compiles.
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {shown(str(error))}"
    if (large := _too_large(pattern)) is not None:
        return large
    if compiled.search("") is not None:
        return "matches where there is nothing, so it would match everywhere"
    try:
        compile_pattern(pattern)
    except ValueError as error:
        return f"cannot be matched within a time limit: {shown(str(error))}"
    return None


def _too_large(pattern: str) -> str | None:
    """Reads the pattern once. On the stack, for each open group: how often its most repeated piece is repeated, and how
    many repeats stand inside each other there."""
    groups = [(1, 0)]
    closed = (1, 0)  # of the piece before, where it is a group
    for token in TOKEN.finditer(pattern):
        inner, closed = closed, (1, 0)
        if token["opens"]:
            groups.append((1, 0))
        elif token["closes"] and len(groups) > 1:
            closed = groups.pop()
            groups[-1] = _larger(groups[-1], closed)
        elif token["varies"] or token["exactly"]:
            repeated = (inner[0] * int(token["exactly"] or token["most"] or 1), inner[1] + 1)
            if repeated[0] > MOST_TIMES:
                return f"repeats something more than {MOST_TIMES} times"
            if repeated[1] > MOST_NESTED:
                return f"has more than {MOST_NESTED} repeats inside each other"
            groups[-1] = _larger(groups[-1], repeated)
    return None


def _larger(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), max(one[1], other[1])
