"""Spans of a text, and their redaction."""

from __future__ import annotations

import bisect
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

Span = tuple[int, int]
"""A part of a text: its start and its end."""

REDACTED = "[redacted]"
"""The replacement for a secret."""

_MARKER = re.compile(r"\[redacted\]|\[withheld: [^\[\]]{1,100}\]")


def without(text: str, spans: Sequence[Span]) -> str:
    """:param spans: in any order; those within a marker were redacted before, and stay as they are"""
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
    """In order; those that overlap or touch are joined."""
    start = end = -1
    for span in sorted(spans):
        if span[0] > end:
            if end >= 0:
                yield start, end
            start, end = span
        end = max(end, span[1])
    if end >= 0:
        yield start, end


_HIDDEN = re.compile(
    r"""
      (?:\x1b|\\u001[bB]|\\x1[bB]|\\033|\\e)\[[0-9;?]{0,20}[A-Za-z]  # a colour, as it is or as JSON and shells write it
    | \x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)                 # a terminal's title or link
    | [\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]
    """,
    re.VERBOSE,
)
"""Invisible characters that may be within a token."""


def redact_found(text: str, find: Callable[[str], Iterable[Span]]) -> str:
    """The text without what `find` finds, although hidden characters or colours may be inside.

    :param find: given the text without hidden characters
    """
    hidden = [found.span() for found in _HIDDEN.finditer(text)]
    return without(text, _with_hidden([*find(_HIDDEN.sub("", text) if hidden else text)], hidden))


def _with_hidden(spans: Sequence[Span], hidden: Sequence[Span]) -> list[Span]:
    """Maps spans of a text without hidden characters to the original text."""
    if not hidden:
        return [*spans]
    removed = [0, *itertools.accumulate(end - start for start, end in hidden)]
    places = [start - before for (start, _), before in zip(hidden, removed, strict=False)]
    return [
        (start + removed[bisect.bisect_right(places, start)], end + removed[bisect.bisect_left(places, end)])
        for start, end in spans
    ]
