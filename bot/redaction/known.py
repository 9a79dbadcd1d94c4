"""Removes secrets of known shapes and names from a text; the name before a secret stays."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.redaction.commands import find_in_commands
from bot.redaction.forms import find_in_addresses, find_private_keys, find_tokens
from bot.redaction.named import find_named
from bot.redaction.spans import Span, without

_HIDDEN = re.compile(
    r"""
      (?:\x1b|\\u001[bB]|\\x1[bB]|\\033|\\e)\[[0-9;?]{0,20}[A-Za-z]  # a colour, as it is or as JSON and shells write it
    | \x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)                 # a terminal's title or link
    | [\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]
    """,
    re.VERBOSE,
)
"""Invisible characters that may be within a token."""


def redact_known(text: str, more: Callable[[str], Iterable[Span]] | None = None) -> str:
    """The text without secrets, including those with hidden characters or colours inside.

    :param more: finds further spans to redact, in the text without hidden characters
    """
    if len(text) < SHORTEST:
        return text
    hidden = [found.span() for found in _HIDDEN.finditer(text)]
    plain = _HIDDEN.sub("", text) if hidden else text
    spans = [*_find_secrets(plain), *(more(plain) if more else ())]
    return without(text, _with_hidden(spans, hidden))


SHORTEST = 4
"""Characters; a shorter text contains no secret, and is not searched."""


def _find_secrets(text: str) -> Iterator[Span]:
    yield from find_private_keys(text)
    yield from find_tokens(text)
    yield from find_in_addresses(text)
    yield from find_named(text)
    yield from find_in_commands(text)


def _with_hidden(spans: Sequence[Span], hidden: Sequence[Span]) -> list[Span]:
    """Maps spans of a text without hidden characters to the original text."""
    if not hidden:
        return [*spans]
    removed = [0, *itertools.accumulate(end - start for start, end in hidden)]
    places = [start - before for (start, _), before in zip(hidden, removed, strict=False)]
    return [
        (start + removed[bisect.bisect_right(places, start)], end + removed[bisect.bisect_left(places, end)])
        for start, end in spans
    ]
