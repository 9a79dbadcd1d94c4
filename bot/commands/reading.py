"""Which commands a comment holds. Only what a person meant counts.

Markdown decides: a command starts a line of a plain paragraph at the top level of the comment. Quotes, code blocks,
lists, inline code and HTML are read over. The rules are CommonMark's, which GitHub follows, by markdown-it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

from bot.commands.grammar import parse
from bot.commands.markdown import find_spans, parse_blocks
from bot.commands.table import Command
from bot.commands.usage import Mistake

DEFAULT_PREFIX = "/codegen"

COMMANDS_A_COMMENT = 20
"""Commands of one comment that are carried out; what stands behind them is answered as a mistake."""


@dataclass(frozen=True, slots=True)
class Said:
    """One command of a comment.

    :param source: its words with blanks evened out: what decides whether an edit left it as it was
    :param occurrence: how many of the same words stand before it in the comment
    """

    command: Command | Mistake
    source: str
    occurrence: int


def may_speak(text: str, *, prefix: str = DEFAULT_PREFIX) -> bool:
    """A cheap first look: False where the comment can hold no command."""
    return prefix.lower() in text.lower()


def read(text: str, *, prefix: str = DEFAULT_PREFIX) -> list[Said]:
    """The commands of a comment, in their order. No text makes it raise."""
    if not may_speak(text, prefix=prefix):
        return []
    seen: Counter[str] = Counter()
    all_said = []
    for number, words in enumerate(_sources(text, prefix)):
        source = " ".join(words.split())
        if number < COMMANDS_A_COMMENT:
            command = parse(words, prefix=prefix)
        elif number == COMMANDS_A_COMMENT:
            command = Mistake(
                f"One comment holds {COMMANDS_A_COMMENT} commands at most; those behind were not carried out. "
                "Give them in another comment.",
                "unknown",
            )
        else:
            break
        all_said.append(Said(command, source, seen[source]))
        seen[source] += 1
    return all_said


def new_since(before: str, after: str, *, prefix: str = DEFAULT_PREFIX) -> list[Said]:
    """The commands that an edit brought in."""
    old = Counter(said.source for said in read(before, prefix=prefix))
    return [said for said in read(after, prefix=prefix) if said.occurrence >= old[said.source]]


def _sources(text: str, prefix: str) -> Iterator[str]:
    """What follows each prefix, up to the next one or the end."""
    text = re.sub(r"\r\n?", "\n", text)
    lines = text.split("\n")
    blocks = parse_blocks(text)
    starts = _command_lines(lines, blocks, prefix)
    visible = _without_html_comments(lines, blocks)
    for start, end in pairwise([*starts, len(lines)]):
        first = visible[start].lstrip(" ")[len(prefix) :]
        yield "\n".join((first, *visible[start + 1 : end]))


def _command_lines(lines: list[str], blocks: list[Token], prefix: str) -> list[int]:
    start = re.compile(rf" {{0,3}}{re.escape(prefix)}(?=\s|$)", re.IGNORECASE)
    found = []
    for block in blocks:
        # "---" under a line makes it a heading for Markdown; whoever wrote it meant a rule.
        plain = block.type == "paragraph_open" or (block.type == "heading_open" and block.markup in {"-", "="})
        if not plain or block.level != 0 or block.map is None:
            continue
        first, end = block.map
        inside = find_spans("\n".join(lines[first:end]))
        position = 0
        for number in range(first, end):
            if start.match(lines[number]) and not inside.holds(
                position + len(lines[number]) - len(lines[number].lstrip())
            ):
                found.append(number)
            position += len(lines[number]) + 1
    return found


def _without_html_comments(lines: list[str], blocks: list[Token]) -> list[str]:
    """The lines with their hidden comments taken out; code keeps everything."""
    visible = list(lines)
    for block in blocks:
        if block.map is None:
            continue
        first, end = block.map
        text = "\n".join(lines[first:end])
        if block.type == "html_block":
            visible[first:end] = re.sub(r"<!--.*?(?:-->|\Z)", _only_line_breaks, text, flags=re.DOTALL).split("\n")
        elif block.type == "inline":
            visible[first:end] = find_spans(text).without_comments(text).split("\n")
    return visible


def _only_line_breaks(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")
