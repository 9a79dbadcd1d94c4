"""Takes secrets out of whatever the bot shows: those that it knows, and what a repository's own patterns match.

The word before a secret stays, so that one sees what it was.
"""

from __future__ import annotations

import bisect
import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from bot.replies.named_secrets import find_named
from bot.replies.secret_commands import find_in_commands
from bot.replies.secret_forms import find_in_addresses, find_private_keys, find_tokens
from bot.replies.secret_names import is_secret_name
from bot.replies.secret_values import says_nothing
from bot.repository_config.matching import PatternTimeoutError, Span, find_matches

REDACTED = "[redacted]"

_HIDDEN = re.compile(
    r"""
      (?:\x1b|\\u001[bB]|\\x1[bB]|\\033|\\e)\[[0-9;?]{0,20}[A-Za-z]  # a colour, as it is or as JSON and shells write it
    | \x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)                 # a terminal's title or link
    | [\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]
    """,
    re.VERBOSE,
)
"""What may stand within a token without being seen."""


def redact(text: str, patterns: Sequence[str] = ()) -> str:
    """The text without secrets: those that have a known shape or name, and what a repository's own patterns match.

    :param patterns: as `bot.repository_config` has let them pass; where they take too long, nothing of the text is left
    """
    if len(text) < SHORTEST:
        return text
    hidden = [found.span() for found in _HIDDEN.finditer(text)]
    plain = _HIDDEN.sub("", text) if hidden else text
    try:
        spans = [*_known_secrets(plain), *(find_matches(plain, patterns) if patterns else ())]
    except PatternTimeoutError as error:
        return WITHHELD.format(position=error.position)
    return _without(text, _with_hidden(spans, hidden))


SHORTEST = 4
"""Characters; what is shorter is no secret, and is not looked at."""


def _known_secrets(text: str) -> Iterator[Span]:
    yield from find_private_keys(text)
    yield from find_tokens(text)
    yield from find_in_addresses(text)
    yield from find_named(text)
    yield from find_in_commands(text)


def _with_hidden(spans: Sequence[Span], hidden: Sequence[Span]) -> list[Span]:
    """The spans of a text from which something was taken, as spans of the text as it was."""
    if not hidden:
        return [*spans]
    removed = [0, *itertools.accumulate(end - start for start, end in hidden)]
    places = [start - before for (start, _), before in zip(hidden, removed, strict=False)]
    return [
        (start + removed[bisect.bisect_right(places, start)], end + removed[bisect.bisect_left(places, end)])
        for start, end in spans
    ]


def redact_patterns(text: str, patterns: Sequence[str]) -> str:
    """The text without what a repository's own patterns match. Where they take too long, nothing of it is left.

    :param patterns: as for `redact`
    """
    try:
        return _without(text, find_matches(text, patterns)) if patterns else text
    except PatternTimeoutError as error:
        return WITHHELD.format(position=error.position)


WITHHELD = "[withheld: pattern {position} of secret-patterns in the config file took too long on this text]"
_MARKER = re.compile(r"\[redacted\]|\[withheld: pattern \d+ [^\[\]]{1,80}\]")


def _without(text: str, spans: Sequence[Span]) -> str:
    """:param spans: in any order; what lies within a marker was taken out before, and stays as it is"""
    markers = [marker.span() for marker in _MARKER.finditer(text)]
    kept, position = [], 0
    for start, end in _joined([span for span in spans if not _is_within(span, markers)]):
        kept += [text[position:start], REDACTED]
        position = end
    return "".join([*kept, text[position:]])


def _is_within(span: Span, markers: Sequence[Span]) -> bool:
    before = bisect.bisect_right(markers, (span[0], sys.maxsize)) - 1
    return before >= 0 and span[1] <= markers[before][1]


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """In order; those that overlap or touch become one."""
    start = end = -1
    for span in sorted(spans):
        if span[0] > end:
            if end >= 0:
                yield start, end
            start, end = span
        end = max(end, span[1])
    if end >= 0:
        yield start, end


def redact_all(value: Any, patterns: Sequence[str] = ()) -> Any:
    """Plain JSON without secrets in any of its texts; a text is one also by the name that it has there.

    :param patterns: as for `redact`
    """
    match value:
        case str():
            return redact(value, patterns)
        case list():
            return [redact_all(each, patterns) for each in value]
        case {"name": str(name), "value": str(secret)} if _is_secret(name, secret):
            return {**redact_all({**value, "value": ""}, patterns), "value": REDACTED}
        case dict():
            return {
                redact_all(name, patterns): REDACTED if _is_secret(name, each) else redact_all(each, patterns)
                for name, each in value.items()
            }
        case _:
            return value


def _is_secret(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, str) and is_secret_name(name) and not says_nothing(value, name)
