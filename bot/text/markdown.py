"""Which lines of a comment readers see as plain text, by CommonMark's rules.

markdown-it is imported with the first text that needs it: most texts contain no code.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from enum import Enum
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
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
    from markdown_it import MarkdownIt  # noqa: PLC0415 - see the module's docstring

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


_OPENER_OF_CODE = re.compile(r"\\.|(?P<code>`+)", re.DOTALL)


@cache
def _opener(*, in_html: bool) -> re.Pattern[str]:
    from markdown_it.common.html_re import close_tag, open_tag  # noqa: PLC0415 - see the module's docstring

    of_html = rf"(?P<comment><!--)|(?P<tag>{open_tag}|{close_tag})"
    return re.compile(of_html) if in_html else re.compile(rf"\\.|(?P<code>`+)|{of_html}", re.DOTALL)


def find_spans(text: str) -> Spans:
    """The code spans, comments and tags of a paragraph."""
    return _find(text, _opener(in_html=False))


def find_html_spans(text: str) -> Spans:
    """The comments and tags of a block of HTML, where backticks and backslashes mean nothing."""
    return _find(text, _opener(in_html=True))


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
                    shields.add_quote(own, find_spans("\n".join(own)), first=first)
                case "html_block":
                    shields.add_quote(own, find_html_spans("\n".join(own)), first=first)
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
        shields.add(own, spans, first=first)
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

    def add(self, lines: list[str], spans: Spans, *, first: int) -> None:
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

    def add_quote(self, lines: list[str], spans: Spans, *, first: int) -> None:
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


def split_first_line(text: str) -> tuple[str, str]:
    """The first line of a comment, with any line ending, and the text below it."""
    first, _, below = normalized(text).partition("\n")
    return first, below


def normalized(text: str) -> str:
    r"""Line ends become ``\n``; characters that databases and JSON cannot store become U+FFFD, as in CommonMark."""
    return re.sub("[\x00\ud800-\udfff]", "\ufffd", re.sub(r"\r\n?", "\n", text))
