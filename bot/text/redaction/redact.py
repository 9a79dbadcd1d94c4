"""Redacts everything the bot shows: known secrets, and what a repository's own patterns match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.text.redaction.matching import PatternTimeoutError, find_matches
from bot.text.redaction.named import find_named
from bot.text.redaction.spans import REDACTED, Span, redact_found, without
from bot.text.redaction.tokens import find_in_addresses, find_in_commands, find_private_keys, find_tokens

__all__ = ["REDACTED", "UNKNOWN_PATTERNS", "redact", "redact_patterns"]

WITHHELD = "[withheld: pattern {position} of secret-patterns in the config file took too long on this text]"

UNKNOWN_PATTERNS = ("(?s).+",)
"""Replaces patterns that could not be read: all of a text may be secret."""

SHORTEST = 4
"""Characters; a shorter text contains no secret, and is not searched."""

UNREAD = "[withheld: the config file with the secret-patterns cannot be read just now]"


def redact(text: str, patterns: Sequence[str] = ()) -> str:
    """The text without secrets: those with a known shape or name, and what a repository's own patterns match. The name
    before a secret stays.

    :param patterns: validated by `bot.execution.repository_config`; if they take too long, the whole text is withheld
    """
    if UNKNOWN_PATTERNS[0] in patterns:
        return UNREAD if text.strip() else text
    if len(text) < SHORTEST:
        return text
    try:
        return redact_found(text, lambda plain: [*_find_secrets(plain), *find_matches(plain, patterns)])
    except PatternTimeoutError as error:
        return WITHHELD.format(position=error.position)


def _find_secrets(text: str) -> Iterator[Span]:
    yield from find_private_keys(text)
    yield from find_tokens(text)
    yield from find_in_addresses(text)
    yield from find_named(text)
    yield from find_in_commands(text)


def redact_patterns(text: str, patterns: Sequence[str]) -> str:
    """The text without what a repository's own patterns match. If they take too long, the whole text is withheld.

    :param patterns: as for `redact`
    """
    try:
        return without(text, find_matches(text, patterns)) if patterns else text
    except PatternTimeoutError as error:
        return WITHHELD.format(position=error.position)
