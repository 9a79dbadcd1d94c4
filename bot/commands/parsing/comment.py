"""Finds the commands in a comment, and only those that its author meant as commands.

A command starts a visible line (`bot.text.markdown`); its prompt runs to the next command or to the comment's
end, and keeps code and quotes as written. HTML comments are removed from it, and what a mail program added.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import islice, pairwise, starmap

from bot.commands.multi_run import MultiRun
from bot.commands.parsing.arguments import NO_PROMPTS, parse
from bot.commands.registry import Command
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.usage import InvalidCommand, NamedPromptUse
from bot.execution.repository_config.model import NamedPrompt
from bot.text.mail_reply import end_of_reply
from bot.text.markdown import normalized, parse_blocks, plain_lines, without_comments
from bot.text.unseen import BEFORE_A_COMMAND, INVISIBLE

DEFAULT_PREFIX = "/codegen"

COMMANDS_A_COMMENT = 20
"""Most commands of one comment that are executed; the next one is answered with an error."""


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """One command of a comment.

    :param named_prompt: the named prompt that it came from
    :param source: its text with normalized whitespace; decides whether an edit left it unchanged
    :param occurrence: how many commands before it in the comment have the same text
    """

    command: Command | InvalidCommand
    source: str
    occurrence: int = 0
    named_prompt: NamedPromptUse | None = None

    @property
    def name(self) -> str:
        """The command's name."""
        return self.command.name if isinstance(self.command, InvalidCommand) else self.command.USAGE.name


def mentions_prefix(text: str | bytes, *, prefix: str = DEFAULT_PREFIX) -> bool:
    """A cheap pre-filter: False if the text certainly contains no command.

    :param text: a comment, or the bytes of a JSON document that contains one
    """
    if isinstance(text, str):
        return re.search(re.escape(prefix), text, re.IGNORECASE) is not None
    # JSON may escape a slash as "\/" and non-ASCII as "\u...": only the prefix's letters are searched for.
    letters = max(re.findall(r"\w+", prefix), key=len, default="")
    return not letters.isascii() or re.search(re.escape(letters.encode()), text, re.IGNORECASE) is not None


def read(
    text: str, *, prefix: str = DEFAULT_PREFIX, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> list[ParsedCommand]:
    """The commands of a comment, in their order. Never raises, whatever the text.

    :param prompts: the repository's named prompts
    """
    if not mentions_prefix(text, prefix=prefix):
        return []
    seen: Counter[str] = Counter()
    found = []
    for number, typed in enumerate(_sources(text, prefix)):
        if number > COMMANDS_A_COMMENT:
            break
        command, named = parse(typed, prefix=prefix, prompts=prompts) if number < COMMANDS_A_COMMENT else _TOO_MANY
        name, *rest = typed.split() or [""]
        source = " ".join((name.lower(), *rest))
        found.append(ParsedCommand(command, source, seen[source], named))
        seen[source] += 1
    return found


def new_since(
    before: str, after: str, *, prefix: str = DEFAULT_PREFIX, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> list[ParsedCommand]:
    """The commands that an edit added.

    One whose text was only corrected, extended or shortened at its end is the same: it would start a second paid run.
    """
    old, found = (read(text, prefix=prefix, prompts=prompts) for text in (before, after))
    return [each for each, earlier in _with_earlier(old, found) if earlier is None]


def given_text_since(
    before: str, after: str, *, prefix: str = DEFAULT_PREFIX, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> list[ParsedCommand]:
    """The commands with a prompt that an edit extended, as they were; not those in which it only corrected words."""
    old, found = (read(text, prefix=prefix, prompts=prompts) for text in (before, after))
    return [
        earlier
        for each, earlier in _with_earlier(old, found)
        if earlier is not None
        and isinstance(earlier.command, Run | MultiRun | Resume)
        and len(each.source.split()) > len(earlier.source.split())
    ]


def _with_earlier(
    old: list[ParsedCommand], found: list[ParsedCommand]
) -> Iterator[tuple[ParsedCommand, ParsedCommand | None]]:
    """The commands whose text an edit added or changed, each with the command that it was before; None if it is new."""
    known = Counter(each.source for each in old)
    kept = Counter(each.source for each in found)
    changed = [each for each in old if each.occurrence >= kept[each.source]]
    for each in found:
        if each.occurrence < known[each.source]:
            continue
        same = next((earlier for earlier in changed if _is_same(earlier, each)), None)
        if same is not None:
            changed.remove(same)
        yield each, same


def _is_same(old: ParsedCommand, new: ParsedCommand) -> bool:
    """Whether a command is an earlier one with a few words corrected, or with more or fewer words at its end."""
    if (old.named_prompt and old.named_prompt.name) != (new.named_prompt and new.named_prompt.name):
        return False
    before, after = old.command, new.command
    if isinstance(before, InvalidCommand) or type(before) is not type(after):
        # A mistake started nothing.
        return False
    if not (isinstance(before, Run | MultiRun | Resume) and isinstance(after, Run | MultiRun | Resume)):
        return before == after
    if replace(before, prompt="") != replace(after, prompt=""):
        return False
    pairs = zip(before.prompt.split(), after.prompt.split(), strict=False)
    differing = ((earlier, later) for earlier, later in pairs if earlier != later)
    corrections = [*islice(differing, _CORRECTED_WORDS + 1)]
    return len(corrections) <= _CORRECTED_WORDS and all(starmap(_is_correction, corrections))


_CORRECTED_WORDS = 3
_LONGEST_CORRECTED_WORD = 40


def _is_correction(before: str, after: str) -> bool:
    """Whether one word is another without its slips of the pen."""
    if max(len(before), len(after)) > _LONGEST_CORRECTED_WORD:
        return False
    return SequenceMatcher(None, before.lower(), after.lower(), autojunk=False).ratio() >= _LIKENESS


_LIKENESS = 0.6


_TOO_MANY = (
    InvalidCommand(
        f"A comment may hold {COMMANDS_A_COMMENT} commands at most; the rest was not executed. "
        "Give them in another comment.",
        "unknown",
    ),
    None,
)


def _sources(text: str, prefix: str) -> Iterator[str]:
    """The text after each prefix, up to the next one or the end of what the author wrote."""
    lines = normalized(text).split("\n")
    start = re.compile(rf"{BEFORE_A_COMMAND}{re.escape(prefix)}[:,]?(?=[\s{INVISIBLE}]|$)", re.IGNORECASE)
    found = {number: match.end() for number, line in enumerate(lines) if (match := start.match(line))}
    if not found:
        return
    blocks = parse_blocks("\n".join(lines))
    plain = plain_lines(lines, blocks)
    visible = without_comments(lines, blocks)
    last = end_of_reply(lines, plain)
    for number, end in pairwise([*(number for number in found if plain[number] and number < last), last]):
        yield "\n".join((visible[number][found[number] :], *visible[number + 1 : end]))
