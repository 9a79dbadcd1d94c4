"""Finds the commands in a comment, and only those that its author meant as commands.

A command starts a visible line (`bot.commands.visible_lines`); its prompt runs to the next command or to the comment's
end, and keeps code and quotes as written. HTML comments are removed from it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from bot.commands.argument_parser import NO_PROMPTS, parse
from bot.commands.markdown import parse_blocks, without_comments
from bot.commands.named import Named
from bot.commands.table import Command
from bot.commands.usage import InvalidCommand
from bot.commands.visible_lines import plain_lines
from bot.repository_config.model import NamedPrompt

DEFAULT_PREFIX = "/codegen"

COMMANDS_A_COMMENT = 20
"""Most commands of one comment that are executed; the next one is answered with an error."""


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """One command of a comment.

    :param source: its text with normalized whitespace; decides whether an edit left it unchanged
    :param occurrence: how many commands before it in the comment have the same text
    """

    command: Command | Named | InvalidCommand
    source: str
    occurrence: int = 0


def may_speak(text: str | bytes, *, prefix: str = DEFAULT_PREFIX) -> bool:
    """A cheap pre-filter: False if the text certainly contains no command.

    :param text: a comment, or the bytes of a JSON document that contains one
    """
    if isinstance(text, str):
        return re.search(re.escape(prefix), text, re.IGNORECASE) is not None
    # JSON may escape a slash as "\/" and non-ASCII as "\u...": only the prefix's letters are searched for.
    letters = max(re.findall(r"\w+", prefix), key=len, default="")
    return not letters.isascii() or re.search(re.escape(letters.encode()), text, re.IGNORECASE) is not None


def looks_like_command(text: str) -> bool:
    """An even cheaper one, before the repository's prefix is known: every prefix starts a line with a slash."""
    return _SLASH.search(text) is not None


_SLASH = re.compile(r"^ {0,3}/[A-Za-z]", re.MULTILINE)


def read(
    text: str, *, prefix: str = DEFAULT_PREFIX, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> list[ParsedCommand]:
    """The commands of a comment, in their order. Never raises, whatever the text.

    :param prompts: the repository's named prompts
    """
    if not may_speak(text, prefix=prefix):
        return []
    seen: Counter[str] = Counter()
    all_said = []
    for number, words in enumerate(_sources(text, prefix)):
        if number > COMMANDS_A_COMMENT:
            break
        command = parse(words, prefix=prefix, prompts=prompts) if number < COMMANDS_A_COMMENT else _too_many()
        source = _evened_out(words)
        all_said.append(ParsedCommand(command, source, seen[source]))
        seen[source] += 1
    return all_said


def new_since(
    before: str, after: str, *, prefix: str = DEFAULT_PREFIX, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> list[ParsedCommand]:
    """The commands that an edit added."""
    old = Counter(said.source for said in read(before, prefix=prefix))
    return [said for said in read(after, prefix=prefix, prompts=prompts) if said.occurrence >= old[said.source]]


def split_first_line(text: str) -> tuple[str, str]:
    """The first line of a comment, with any line ending, and the text below it."""
    first, _, below = _clean(text).partition("\n")
    return first, below


def _too_many() -> InvalidCommand:
    return InvalidCommand(
        f"One comment holds {COMMANDS_A_COMMENT} commands at most; those behind were not carried out. "
        "Give them in another comment.",
        "unknown",
    )


def _evened_out(words: str) -> str:
    name, *rest = words.split() or [""]
    return " ".join((name.lower(), *rest))


def _sources(text: str, prefix: str) -> Iterator[str]:
    """The text after each prefix, up to the next one or the end."""
    lines = _clean(text).split("\n")
    start = re.compile(rf" {{0,3}}{re.escape(prefix)}(?=\s|$)", re.IGNORECASE)
    found = {number: match.end() for number, line in enumerate(lines) if (match := start.match(line))}
    if not found:
        return
    blocks = parse_blocks("\n".join(lines))
    plain = plain_lines(lines, blocks)
    visible = without_comments(lines, blocks)
    for number, end in pairwise([*(number for number in found if plain[number]), len(lines)]):
        yield "\n".join((visible[number][found[number] :], *visible[number + 1 : end]))


def _clean(text: str) -> str:
    r"""Line ends become ``\n``; characters that databases and JSON cannot store become U+FFFD, as in CommonMark."""
    return re.sub("[\x00\ud800-\udfff]", "\ufffd", re.sub(r"\r\n?", "\n", text))
