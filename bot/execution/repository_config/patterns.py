"""Validates a secret pattern: it compiles, matches something, is not too large to compile and, on request, not slow.

Its running time is limited for every text by `bot.text.redaction.matching`; trying it on texts that are likely to be
worst for it is for files that are checked before a repository relies on them.
"""

from __future__ import annotations

import itertools
import re
import time
import warnings
from collections import deque
from collections.abc import Iterator
from functools import lru_cache

from bot.execution.repository_config.problems import shown
from bot.text.redaction.matching import BASE_SECONDS, TOKEN, compile_pattern, spans_of

LONGEST_PATTERN = 200
"""Characters of one pattern."""

MOST_TIMES = 10_000
"""Most repetitions of a piece of a pattern; nested counted repeats are multiplied."""

MOST_NESTED = 4
"""Nested repeats. `regex` expands counted ones, and ``+`` to two: fifty of them would exhaust the memory."""

LONGEST_TRIED = 65_536
"""Characters of a text on which a pattern is tried: the longest comment."""

SECONDS_TRIED = 3.0
"""Of processor time, for one pattern."""

MOST_UNITS = 12

SLOW = (
    f"takes more than {BASE_SECONDS:g} s on some texts of a comment's length; repeat single characters, "
    "with an upper limit, as in [a-z0-9-]{20,80}"
)
"""The end of a sentence."""


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


def is_slow(pattern: str) -> bool:
    """Whether it exceeds the time limit on one of the texts made of its own characters.

    No such check finds every slow pattern, so the limit applies to all texts all the same.
    """
    compiled = compile_pattern(pattern)
    until = time.process_time() + SECONDS_TRIED
    try:
        for text in _hostile_texts(pattern):
            deque(spans_of(compiled, text, seconds=BASE_SECONDS), maxlen=0)
            if time.process_time() > until:
                break
    except TimeoutError:
        return True
    return False


_SYNTAX = re.compile(r"\\[A-Za-z]|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[\d,]*\}|\(\?[a-zA-Z:=!<>]*|[()*+?|^$.]")
"""What separates the literal words of a pattern."""


def _hostile_texts(pattern: str) -> Iterator[str]:
    """Long repetitions of the pattern's own characters, with its longest words at either end."""
    words = sorted({*_SYNTAX.sub("\0", pattern).replace("\\", "").split("\0")} - {""}, key=len, reverse=True)
    of_sets = [token["set"].strip("[]^\\")[:1] for token in TOKEN.finditer(pattern) if token["set"]]
    letters = [*dict.fromkeys([*"".join(words), *of_sets, *"a0 -"])][:MOST_UNITS]
    words = words[:2]
    pairs = ["".join(pair) for pair in itertools.permutations(letters[:4], 2)]
    ends = [("", ""), *((word, "") for word in words), *(("", f"{end}{word}") for word in words for end in ("", "\n"))]
    for unit in [*letters, *pairs, *words]:
        body = unit * (LONGEST_TRIED // len(unit))
        for first, last in ends:
            yield f"{first}{body}{last}"
