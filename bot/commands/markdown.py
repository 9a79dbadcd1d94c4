"""What in a text is code, a quote or hidden, by the CommonMark rules that GitHub follows.

markdown-it tells the blocks apart. What stands inside a paragraph is looked at here, because parsing inlines of hostile
text is slow, and because only two things matter: code spans and HTML comments.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token


def parse_blocks(text: str, *, html: bool = True) -> list[Token]:
    """The blocks of a text whose lines end with ``\n``, each with the lines it covers.

    :param html: whether a line that starts with a tag starts a block of HTML
    """
    return _parser(html=html).parse(text)


@cache
def _parser(*, html: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark").disable(["inline", "reference"])
    return parser if html else parser.disable("html_block")


class Spans:
    """The code spans and HTML comments of one paragraph, as character ranges."""

    def __init__(self, ranges: list[tuple[int, int, bool]]) -> None:
        """:param ranges: start, end, and whether it is a comment; in order, none within another"""
        self._ranges = ranges

    def holds(self, position: int) -> bool:
        """Whether a character stands inside one of them."""
        before = bisect_right(self._ranges, position, key=lambda span: span[0]) - 1
        return before >= 0 and self._ranges[before][0] < position < self._ranges[before][1]

    def outside_code(self, text: str) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is outside code."""
        pieces, position = [], 0
        for start, end, is_comment in self._ranges:
            if not is_comment:
                pieces += [(text[position:start], True), (text[start:end], False)]
                position = end
        return [*pieces, (text[position:], True)]

    def without_comments(self, text: str) -> str:
        """The text with its HTML comments taken out."""
        kept, position = [], 0
        for start, end, is_comment in self._ranges:
            if is_comment:
                kept.append(text[position:start])
                # Line breaks stay, so that lines keep their numbers.
                kept.append("\n" * text.count("\n", start, end))
                position = end
        return "".join((*kept, text[position:]))


def find_spans(text: str) -> Spans:
    """Finds code spans (a run of backticks to the next run of the same length) and comments, from left to right."""
    runs: dict[int, deque[int]] = {}
    for run in re.finditer("`+", text):
        runs.setdefault(len(run[0]), deque()).append(run.start())
    ranges = []
    position = 0
    opener = re.compile(r"\\.|(`+)|(<!--)", re.DOTALL)
    while (found := opener.search(text, position)) is not None:
        position = found.end()
        if found[1]:
            same = runs.get(len(found[1]), deque())
            while same and same[0] < position:
                same.popleft()
            if same:
                ranges.append((found.start(), same[0] + len(found[1]), False))
                position = ranges[-1][1]
        elif found[2]:
            end = text.find("-->", position)
            if end == -1:
                continue
            ranges.append((found.start(), end + 3, True))
            position = end + 3
    return Spans(ranges)
