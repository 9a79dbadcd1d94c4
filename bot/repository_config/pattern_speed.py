"""Measures a secret pattern on the texts that are likely to be worst for it, before a repository relies on it."""

from __future__ import annotations

import itertools
import re
import time
from collections import deque
from collections.abc import Iterator

from bot.repository_config.matching import BASE_SECONDS, TOKEN, compile_pattern, spans_of

LENGTH = 65_536
"""Characters of a text: the longest comment."""

MOST_UNITS = 12

PATIENCE = 3.0
"""Seconds for one pattern."""

_SAMPLES = {r"\w": "a", r"\W": "-", r"\d": "0", r"\D": "a", r"\s": " ", r"\S": "a", r"\n": "\n", r"\t": "\t", ".": "a"}
"""A character that each class contains."""


def is_slow(pattern: str) -> bool:
    """Whether it exceeds the time limit on one of the texts made of its own characters.

    No such check finds every slow pattern, so the limit applies to all texts all the same.
    """
    compiled = compile_pattern(pattern)
    until = time.process_time() + PATIENCE
    try:
        for text in _hostile_texts(pattern):
            deque(spans_of(compiled, text, seconds=BASE_SECONDS), maxlen=0)
            if time.process_time() > until:
                break
    except TimeoutError:
        return True
    return False


SLOW = (
    f"takes more than {BASE_SECONDS:g} s on some texts of a comment's length; repeat single characters, "
    "with an upper limit, as in [a-z0-9-]{20,80}"
)
"""The end of a sentence."""


def _hostile_texts(pattern: str) -> Iterator[str]:
    """Long repetitions of the pattern's own characters, with its literal words at either end."""
    words = sorted(_words(pattern), key=len, reverse=True)
    letters = [*dict.fromkeys([*"".join(words), *_classes(pattern), *"a0 -"])][:MOST_UNITS]
    pairs = ["".join(pair) for pair in itertools.permutations(letters[:4], 2)]
    words = words[:2]
    ends = [("", ""), *((word, "") for word in words), *(("", f"{end}{word}") for word in words for end in ("", "\n"))]
    for unit in [*letters, *pairs, *words]:
        body = unit * (LENGTH // len(unit))
        for first, last in ends:
            yield f"{first}{body}{last}"


def _words(pattern: str) -> set[str]:
    """The literal parts of the pattern."""
    pieces = ["\0" if _is_syntax(token) else token[0][-1] for token in TOKEN.finditer(pattern)]
    return {*"".join(pieces).split("\0")} - {""}


def _is_syntax(token: re.Match[str]) -> bool:
    is_class = token[0].startswith("\\") and token[0][1:2].isalnum()
    return is_class or len(token[0].lstrip("\\")) != 1 or (len(token[0]) == 1 and token[0] in "()[]{}*+?|^$.")


def _classes(pattern: str) -> list[str]:
    """A character for each class and each set."""
    found = [_SAMPLES.get(token[0], "") for token in TOKEN.finditer(pattern)]
    sets = [token["set"].strip("[]^")[:1] for token in TOKEN.finditer(pattern) if token["set"]]
    return [letter for letter in [*found, *sets] if letter and letter != "\\"]
