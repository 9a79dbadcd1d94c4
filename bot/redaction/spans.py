"""Spans of a text, and their redaction."""

from __future__ import annotations

import bisect
import re
import sys
from collections.abc import Iterator, Sequence

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
