"""Finds secrets in what an agent added, before it is pushed.

Programs are full of names like `password` with made-up values next to them, above all in tests. So in most files only
what is a secret by its shape counts, and what a repository's own patterns match. In files that exist to hold secrets,
the values of such names count as well. What was in the file before is not reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.text.redaction.matching import PatternTimeoutError, find_matches
from bot.text.redaction.named import find_named
from bot.text.redaction.spans import Span
from bot.text.redaction.tokens import find_private_keys, find_tokens


@dataclass(frozen=True, slots=True)
class SecretFound:
    """The place of a suspected secret: a file and the number of its line, from 1."""

    path: str
    line: int


def find_secrets(diff: str, patterns: Sequence[str] = ()) -> SecretFound | None:
    """The first secret that a diff adds.

    :param diff: git's, of all files as text, without context and prefixes
    :param patterns: a repository's own; one that takes too long counts as a finding
    """
    for part in re.split(r"^(?=diff --git )", diff, flags=re.MULTILINE):
        name = _NEW_NAME.search(part)
        if name is None:
            continue
        added, numbers, removed = _lines(part)
        text = "\n".join(added)
        try:
            spans = sorted(_spans(name[1], text, patterns))
        except PatternTimeoutError:
            return SecretFound(name[1], numbers[0])
        for start, end in spans:
            if not _MADE_UP.search(text, start, end) and text[start:end] not in removed:
                return SecretFound(name[1], numbers[text.count("\n", 0, start)])
    return None


_NEW_NAME = re.compile(r'^\+\+\+ "?([^\n]{1,4096}?)"?$', re.MULTILINE)
_HUNK = re.compile(r"@@ -\S+ \+(\d+)")
_MADE_UP = re.compile(r"([^-])\1{7}|example|dummy|placeholder|made.?up|redacted|1234567890|abcdefghij", re.IGNORECASE)
_HOLDS_SECRETS = re.compile(
    r"(?:^|/)(?:\.env(?!.*(?:example|sample|template|dist))[^/]*|[^/]*\.env|\.npmrc|\.pypirc|\.netrc|[^/]*credentials[^/.]*)$"
)


def _spans(name: str, text: str, patterns: Sequence[str]) -> Iterator[Span]:
    yield from find_private_keys(text)
    yield from find_tokens(text)
    yield from find_matches(text, patterns)
    if _HOLDS_SECRETS.search(name):
        yield from find_named(text)


def _lines(part: str) -> tuple[list[str], list[int], str]:
    """The added lines, their numbers in the new file, and the removed text."""
    added: list[str] = []
    numbers: list[int] = []
    removed: list[str] = []
    number, is_head = 0, True
    for line in part.split("\n"):
        if hunk := _HUNK.match(line):
            number, is_head = int(hunk[1]), False
        elif is_head:
            continue
        elif line.startswith("+"):
            added.append(line[1:])
            numbers.append(number)
            number += 1
        elif line.startswith("-"):
            removed.append(line[1:])
    return added, numbers or [1], "\n".join(removed)
