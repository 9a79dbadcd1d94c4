"""Validates a secret pattern: it compiles, matches something, and is not too large to compile.

Its running time is limited elsewhere: `bot.repository_config.matching` limits it for every text, and
`bot.repository_config.pattern_speed` measures it when a file is checked.
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
"""Most repetitions of a piece of a pattern; nested counted repeats are multiplied."""

MOST_NESTED = 4
"""Nested repeats. `regex` expands counted ones, and ``+`` to two: fifty of them would exhaust the memory."""


@lru_cache(maxsize=1_000)
def fault(pattern: str) -> str | None:
    """What is wrong with a secret pattern, as the end of a sentence; None if it is valid."""
    if len(pattern) > LONGEST_PATTERN:
        return f"has more than {LONGEST_PATTERN} characters"
    try:
        with warnings.catch_warnings():
            # Python still compiles what it warns about, such as "[[".
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
    """Scans the pattern once. The stack holds, for each open group, how often its most repeated piece is repeated, and
    how many repeats are nested there."""
    groups = [(1, 0)]
    closed = (1, 0)  # of the previous piece, if it is a group
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
