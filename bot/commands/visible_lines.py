"""Finds the lines of a comment that start with its author's own plain text.

Markdown decides. A line of a quote, of code, of a list item or of a table's row is not plain; neither is one that
starts inside inline code, an HTML comment, a tag, or an element that shows code, a quote or something folded.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import accumulate

from markdown_it.token import Token

from bot.commands.markdown import SpanKind, Spans, find_html_spans, find_spans

_SHIELDS = frozenset(
    {"blockquote", "code", "details", "kbd", "pre", "q", "samp", "script", "style", "template", "textarea"}
)
"""Elements whose text is not addressed to the bot: code, quotes, and what is folded or never shown."""

_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
"""Elements without an end tag. GitHub itself writes ``<img ...>`` for a pasted picture."""

_WHOLE = re.compile(r" {0,3}<(?:script|pre|style|textarea|!|\?)", re.IGNORECASE)
"""The start of a block of HTML in which no line is plain (CommonMark's kinds 1 to 5)."""

_STRAY = re.compile(r"<[a-z/!?]", re.IGNORECASE)


def plain_lines(lines: list[str], blocks: list[Token]) -> list[bool]:
    """For each line, whether it starts with plain text.

    :param blocks: of the same lines, HTML included
    """
    plain = [False] * len(lines)
    shields = _Shields(lines)
    quotes = lists = 0
    for block in blocks:
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(block.type, 0)
        lists += {"list_item_open": 1, "list_item_close": -1}.get(block.type, 0)
        if block.map is None:
            continue
        first, end = block.map
        own = lines[first:end]
        if quotes:
            match block.type:
                case "paragraph_open" | "heading_open":
                    shields.look_at_quote(own, find_spans("\n".join(own)), first=first)
                case "html_block":
                    shields.look_at_quote(own, find_html_spans("\n".join(own)), first=first)
            continue
        match block.type:
            case "paragraph_open" | "heading_open":
                # "---" under a line makes it a heading in Markdown, although its author meant a rule.
                spans = find_spans("\n".join(own))
                # Markdown adds an unindented line under a list to its last item, which its author did not mean.
                plain[first:end] = [
                    not spans.holds(start) and not (lists and (line[:1].isspace() or number == 0))
                    for number, (line, start) in enumerate(zip(own, _starts(own), strict=True))
                ]
            case "table_open":
                # Markdown adds a line without a bar directly under a table to it, which its author did not mean.
                spans = find_spans("\n".join(own))
                plain[first:end] = ["|" not in line for line in own]
            case "html_block":
                spans = find_html_spans("\n".join(own))
                plain[first:end] = [False] * len(own) if lists else _plain_html(own, spans)
            case _:
                continue
        shields.look_at(own, spans, first=first)
    return [is_plain and not depth for is_plain, depth in zip(plain, shields.depths(), strict=True)]


def _starts(lines: list[str]) -> list[int]:
    """The position of each line's first non-blank character in the joined lines."""
    ends = accumulate((len(line) + 1 for line in lines), initial=0)
    return [start + len(line) - len(line.lstrip()) for start, line in zip(ends, lines, strict=False)]


def _plain_html(lines: list[str], spans: Spans) -> list[bool]:
    """A line of a block of HTML is plain if no element is open, as under a picture or a closed fold."""
    if _WHOLE.match(lines[0]):
        return [False] * len(lines)
    text = "\n".join(lines)
    tags = iter([span for span in spans.found if span.kind is SpanKind.TAG])
    tag = next(tags, None)
    stray = next(
        (found.start() for found in _STRAY.finditer(text) if not _starts_span(spans, found.start())), len(text)
    )
    depth, plain = 0, []
    for start in _starts(lines):
        while tag is not None and tag.start < start:
            name, is_end = _name(text, tag.start)
            if name not in _VOID:
                depth = max(0, depth - 1) if is_end else depth + 1
            tag = next(tags, None)
        plain.append(depth == 0 and start < stray and not spans.holds(start))
    return plain


def _starts_span(spans: Spans, position: int) -> bool:
    before = bisect_right(spans.found, position, key=lambda span: span.start) - 1
    return before >= 0 and position < spans.found[before].end


def _name(text: str, start: int) -> tuple[str, bool]:
    """A tag's name, and whether it is an end tag."""
    found = re.compile(r"<(/?)([a-z0-9-]+)", re.IGNORECASE).match(text, start)
    return (found[2].lower(), bool(found[1])) if found else ("", False)


class _Shields:
    """Counts the shielding elements around each line's start; they may span many blocks."""

    def __init__(self, lines: list[str]) -> None:
        self._changes = [0] * (len(lines) + 2)
        self._open: defaultdict[str, list[int]] = defaultdict(list)
        self._comment_ends = [number for number, line in enumerate(lines) if "-->" in line]

    def look_at(self, lines: list[str], spans: Spans, *, first: int) -> None:
        """:param first: the number of the first of these lines."""
        text = "\n".join(lines)
        starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
        for span in spans.found:
            if span.kind is not SpanKind.TAG:
                continue
            name, is_end = _name(text, span.start)
            line = first + bisect_right(starts, span.start) - 1
            if name not in _SHIELDS:
                continue
            if not is_end:
                self._open[name].append(line)
            elif self._open[name]:
                # Only closed elements count: "the <code> tag" in a sentence hides nothing.
                self._cover(self._open[name].pop(), line)
        if spans.open_comment is not None:
            # GitHub shows a comment that spans a blank line, although its author meant to hide it.
            line = first + bisect_right(starts, spans.open_comment) - 1
            ends = self._comment_ends[bisect_left(self._comment_ends, line + 1) :][:1]
            self._cover(line, *ends or [line])

    def look_at_quote(self, lines: list[str], spans: Spans, *, first: int) -> None:
        """Handles only a comment that starts in a quote and does not end there: the text after it is not trusted."""
        if spans.open_comment is not None:
            line = first + "\n".join(lines).count("\n", 0, spans.open_comment)
            last = len(self._changes) - 3
            self._cover(line, *self._comment_ends[bisect_left(self._comment_ends, line + 1) :][:1] or [last])

    def _cover(self, first: int, last: int) -> None:
        self._changes[first + 1] += 1
        self._changes[last + 1] -= 1

    def depths(self) -> list[int]:
        return list(accumulate(self._changes[:-2]))
