"""Finds the matches of a repository's secret patterns, within a time limit.

A config file's patterns are untrusted, and one that backtracks without end would stop the whole process: `re` cannot be
interrupted and blocks every other thread. The `regex` package has a timeout and releases the interpreter's lock. It is
imported when a pattern is first used: most repositories have none.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.text.redaction.spans import Span

if TYPE_CHECKING:
    import regex

BASE_SECONDS = 0.25
SECONDS_PER_CHARACTER = 2e-6
"""Processor time for one text, all patterns together. The part per character allows for many good patterns on a long
text; `regex` counts the time of all threads of the process."""

MOST_TIMEOUTS = 10
SUSPENSION = 60.0
"""A pattern that exceeds the limit this often within this many seconds is not tried again until they are over: its
texts are withheld at once, so that one pattern takes at most a few seconds of a minute."""


class PatternTimeoutError(Exception):
    """A pattern exceeded the time limit; its position in the list, from 1, is the only argument."""

    @property
    def position(self) -> int:
        return int(self.args[0])


def find_matches(text: str, patterns: Sequence[str]) -> list[Span]:
    """The matches of all patterns, in no order; empty matches are ignored.

    :param patterns: regular expressions that `bot.execution.repository_config.patterns.fault` accepts
    :raises PatternTimeoutError: if they take longer than the limit
    """
    left = BASE_SECONDS + len(text) * SECONDS_PER_CHARACTER
    found: list[Span] = []
    slowest = (0.0, 0)
    for position, pattern in enumerate(patterns, 1):
        matcher = _matcher(pattern)
        if matcher.is_suspended():
            raise PatternTimeoutError(position)
        began = time.process_time()
        is_late = False
        try:
            found += spans_of(matcher.compiled, text, seconds=left)
        except TimeoutError:
            is_late = True
        took = time.process_time() - began
        left -= took
        slowest = max(slowest, (took, position))
        if is_late or left <= 0:
            _matcher(patterns[slowest[1] - 1]).note_timeout()
            _log_timeout(slowest[1], text)
            raise PatternTimeoutError(slowest[1])
    return found


def _log_timeout(position: int, text: str) -> None:
    # Not by `bot.log`, whose lines are redacted here.
    values = {"position": position, "characters": len(text)}
    logging.getLogger(__name__).warning("secret-pattern.timed-out", extra=values)


def spans_of(compiled: regex.Pattern[str], text: str, *, seconds: float) -> Iterator[Span]:
    """The matches of one pattern.

    :raises TimeoutError: after that many seconds of processor time
    """
    for match in compiled.finditer(text, timeout=max(seconds, 0.001), concurrent=True):
        if match.end() > match.start():
            yield match.span()


@dataclass(slots=True)
class _Matcher:
    """A compiled pattern.

    :param timeouts: when it last exceeded the limit
    """

    compiled: regex.Pattern[str]
    timeouts: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_TIMEOUTS))

    def note_timeout(self) -> None:
        self.timeouts.append(time.monotonic())

    def is_suspended(self) -> bool:
        timeouts = [*self.timeouts]
        return len(timeouts) == MOST_TIMEOUTS and time.monotonic() - timeouts[0] < SUSPENSION


@lru_cache(maxsize=1_000)
def _matcher(pattern: str) -> _Matcher:
    return _Matcher(compile_pattern(pattern))


@lru_cache(maxsize=1_000)
def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """Compiles a pattern for `regex`, with the meaning that it has for `re`.

    :raises ValueError: if `regex` does not support it
    """
    import regex  # noqa: PLC0415 - see the module's docstring

    try:
        return regex.compile(translated(pattern), regex.VERSION0, cache_pattern=False)
    except regex.error as error:
        raise ValueError(str(error)) from None


def translated(pattern: str) -> str:
    """Escapes what `re` takes literally and `regex` does not: a brace that is not a repeat, a bracket within a set."""
    return "".join(_translated_token(token) for token in TOKEN.finditer(pattern))


def _translated_token(token: re.Match[str]) -> str:
    if token["set"]:
        return token["set"][0] + re.sub(r"(\\.)|\[", lambda found: found[1] or r"\[", token["set"][1:], flags=re.DOTALL)
    return rf"\{token[0]}" if token[0] in {"{", "}"} else token[0]


TOKEN = re.compile(
    r"""
      \\N\{[^}]*\} | \\.                            # an escaped character
    | (?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
    | (?P<opens>\()
    | (?P<closes>\))
    | (?P<varies>[*+]|\{\d*,(?P<most>\d*)\})
    | \{(?P<exactly>\d+)\}
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
"""One token of a regular expression."""
