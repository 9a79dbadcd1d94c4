"""Finds code, quotes and hidden parts of a text, by the CommonMark rules that GitHub follows.

markdown-it finds the blocks. The contents of paragraphs are parsed here: parsing the inlines of hostile text is slow,
and only code spans, HTML comments and tags matter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from enum import Enum
from functools import cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.common.html_re import close_tag, open_tag
from markdown_it.token import Token

DEEPEST = 60
"""Most nested containers that are parsed; markdown-it recurses, and ignores what is nested deeper."""


def parse_blocks(text: str, *, html: bool = True) -> list[Token]:
    r"""The blocks of a text whose lines end with ``\n``, each with the lines it covers.

    :param html: whether a line that starts with a tag starts a block of HTML
    """
    return _parser(html=html).parse(text)


@cache
def _parser(*, html: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST}).enable("table").disable(["inline", "reference"])
    return parser if html else parser.disable("html_block")


class CodeBlock(NamedTuple):
    """A block of code: the lines from `first` up to `end`.

    :param fence: its opening fence; empty if it is indented
    :param is_nested: whether it is in a quote or a list
    """

    first: int
    end: int
    fence: str
    is_nested: bool


# Any block of code contains one of them. Parsing costs more than all else, and most texts contain no code.
_CODE_SIGNS = ("```", "~~~", "    ", "\t")


def find_code_blocks(text: str) -> list[CodeBlock]:
    """The blocks of code of a text in which no line is HTML."""
    if not any(sign in text for sign in _CODE_SIGNS):
        return []
    return [
        CodeBlock(block.map[0], block.map[1], block.markup, is_nested=block.level > 0)
        for block in parse_blocks(text, html=False)
        if block.type in {"fence", "code_block"} and block.map is not None
    ]


class SpanKind(Enum):
    """What a span is."""

    CODE = "code"
    COMMENT = "comment"
    TAG = "tag"


class Span(NamedTuple):
    """A piece of a paragraph that is not plain text, from `start` up to `end`."""

    start: int
    end: int
    kind: SpanKind


class Spans(NamedTuple):
    """The spans of one paragraph.

    :param found: in order, none within another
    :param open_comment: where a comment starts that does not end in this paragraph
    :param stray_backticks: whether a run of backticks is left that belongs to no span
    """

    found: list[Span]
    open_comment: int | None
    stray_backticks: bool

    def holds(self, position: int) -> bool:
        """Whether a character is inside one of them."""
        before = bisect_right(self.found, position, key=lambda span: span.start) - 1
        return before >= 0 and self.found[before].start < position < self.found[before].end


_OPENER = re.compile(rf"\\.|(?P<code>`+)|(?P<comment><!--)|(?P<tag>{open_tag}|{close_tag})", re.DOTALL)
_OPENER_IN_HTML = re.compile(rf"(?P<comment><!--)|(?P<tag>{open_tag}|{close_tag})")
_OPENER_OF_CODE = re.compile(r"\\.|(?P<code>`+)", re.DOTALL)


def find_spans(text: str) -> Spans:
    """The code spans, comments and tags of a paragraph."""
    return _find(text, _OPENER)


def find_html_spans(text: str) -> Spans:
    """The comments and tags of a block of HTML, where backticks and backslashes mean nothing."""
    return _find(text, _OPENER_IN_HTML)


def find_code_spans(text: str) -> Spans:
    """The code spans of a paragraph without HTML."""
    if "`" not in text:
        return Spans([], None, stray_backticks=False)
    return _find(text, _OPENER_OF_CODE)


def _find(text: str, opener: re.Pattern[str]) -> Spans:
    """Scans from left to right: whichever starts first wins."""
    backticks: dict[int, deque[int]] = {}
    for run in re.finditer("`+", text):
        backticks.setdefault(len(run[0]), deque()).append(run.start())
    found: list[Span] = []
    open_comment, stray, position = None, False, 0
    while (match := opener.search(text, position)) is not None:
        position = match.end()
        match match.lastgroup:
            case "code":
                same = backticks.get(len(match[0]), deque())
                while same and same[0] < position:
                    same.popleft()
                if same:
                    position = same[0] + len(match[0])
                    found.append(Span(match.start(), position, SpanKind.CODE))
                else:
                    stray = True
            case "comment" if open_comment is None:
                # "<!-->" is a complete comment.
                if (end := text.find("-->", match.start() + 2)) == -1:
                    open_comment = match.start()
                else:
                    position = end + 3
                    found.append(Span(match.start(), position, SpanKind.COMMENT))
            case "tag":
                found.append(Span(match.start(), position, SpanKind.TAG))
    return Spans(found, open_comment, stray)


def without_comments(lines: list[str], blocks: list[Token]) -> list[str]:
    """The lines with their HTML comments removed, one for one; code keeps everything.

    A comment that is never closed hides the rest of its block, as on GitHub.
    """
    visible = list(lines)
    for block in blocks:
        if block.map is None or block.type not in _WITH_COMMENTS:
            continue
        first, end = block.map
        text = "\n".join(lines[first:end])
        spans = find_html_spans(text) if block.type == "html_block" else find_spans(text)
        comments = [span for span in spans.found if span.kind is SpanKind.COMMENT]
        if block.type == "html_block" and spans.open_comment is not None:
            comments.append(Span(spans.open_comment, len(text), SpanKind.COMMENT))
        visible[first:end] = _without(text, comments).split("\n")
    return visible


_WITH_COMMENTS = frozenset({"html_block", "paragraph_open", "heading_open", "table_open"})


def _without(text: str, spans: list[Span]) -> str:
    kept, position = [], 0
    for span in spans:
        # Line breaks stay, so that lines keep their numbers.
        kept += [text[position : span.start], "\n" * text.count("\n", span.start, span.end)]
        position = span.end
    return "".join((*kept, text[position:]))
