"""Redacts everything the bot shows: known secrets, and what a repository's own patterns match."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from bot.redaction.known import redact_known
from bot.redaction.names import is_secret_name
from bot.redaction.spans import REDACTED, without
from bot.redaction.values import says_nothing
from bot.repository_config.matching import PatternTimeoutError, find_matches

__all__ = ["NO_PROSE", "REDACTED", "UNKNOWN_PATTERNS", "redact", "redact_all", "redact_json", "redact_patterns"]

NO_PROSE = frozenset(
    """
    id status state stage conclusion reason_code message_type source_type type kind code identity prefix created_at
    ended_at day web_url comment_url index resumes
    """.split()  # noqa: SIM905 - a word a line would be a screen of them
)
"""Names of machine-readable fields without free text: a repository's own patterns are not applied to them."""

WITHHELD = "[withheld: pattern {position} of secret-patterns in the config file took too long on this text]"

UNKNOWN_PATTERNS = ("(?s).+",)
"""Replaces patterns that could not be read: all of a text may be secret."""

UNREAD = "[withheld: the config file with the secret-patterns cannot be read just now]"


def redact(text: str, patterns: Sequence[str] = ()) -> str:
    """The text without secrets: those with a known shape or name, and what a repository's own patterns match.

    :param patterns: validated by `bot.repository_config`; if they take too long, the whole text is withheld
    """
    if UNKNOWN_PATTERNS[0] in patterns:
        return UNREAD if text.strip() else text
    try:
        return redact_known(text, partial(find_matches, patterns=patterns) if patterns else None)
    except PatternTimeoutError as error:
        return WITHHELD.format(position=error.position)


def redact_patterns(text: str, patterns: Sequence[str]) -> str:
    """The text without what a repository's own patterns match. If they take too long, the whole text is withheld.

    :param patterns: as for `redact`
    """
    try:
        return without(text, find_matches(text, patterns)) if patterns else text
    except PatternTimeoutError as error:
        return WITHHELD.format(position=error.position)


def redact_all(value: Any, patterns: Sequence[str] = ()) -> Any:
    """Plain JSON without secrets in any of its texts; a field's name can make its text a secret too.

    :param patterns: as for `redact`
    """
    match value:
        case str():
            return redact(value, patterns)
        case list():
            return _list(value, patterns)
        case {"name": str(name), "value": str(secret)} if _is_secret(name, secret):
            return {**redact_all({**value, "value": ""}, patterns), "value": REDACTED}
        case dict():
            return dict(_named(name, each, patterns) for name, each in value.items())
        case _:
            return value


def _list(value: list[Any], patterns: Sequence[str]) -> list[Any]:
    if not any(isinstance(each, str | list | dict) for each in value):
        return value  # fast for ten thousand numbers
    return [
        REDACTED if _is_of_option(before, each) else redact_all(each, patterns)
        for before, each in zip([None, *value], value, strict=False)
    ]


def _named(name: Any, value: Any, patterns: Sequence[str]) -> tuple[Any, Any]:
    if _is_secret(name, value):
        return name, REDACTED
    # The names of a response's fields are not untrusted text.
    of_name = () if isinstance(name, str) and name.isidentifier() else patterns
    return redact_all(name, of_name), redact_all(value, () if name in NO_PROSE else patterns)


def redact_json(body: bytes, patterns: Sequence[Sequence[str]] = ()) -> bytes:
    """The same for a serialized document.

    :param patterns: for each of its ``items``, if there are as many; else all of them apply to the whole
    """
    document = json.loads(body)
    items = document.get("items") if isinstance(document, dict) else None
    if isinstance(items, list) and len(items) == len(patterns):
        shown = [redact_all(item, own) for item, own in zip(items, patterns, strict=True)]
        redacted = {**document, "items": shown}
    else:
        redacted = redact_all(document, [*dict.fromkeys(itertools.chain.from_iterable(patterns))])
    return body if redacted == document else json.dumps(redacted, ensure_ascii=False, separators=(",", ":")).encode()


def _is_of_option(before: Any, value: Any) -> bool:
    """Whether it is an option's value in a split command line: ``["--token", "value"]``."""
    return isinstance(before, str) and before.startswith("--") and "=" not in before and _is_secret(before, value)


def _is_secret(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, str) and is_secret_name(name) and not says_nothing(value, name)
