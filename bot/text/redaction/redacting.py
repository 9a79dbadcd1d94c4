"""Redacts all texts of a data structure, before they are shortened or escaped.

Shortening could leave half of a secret, and escaped text no longer matches a pattern.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from bot.text.redaction.named import is_secret_name
from bot.text.redaction.redact import REDACTED, redact
from bot.text.redaction.values import is_placeholder

T = TypeVar("T")

NO_PROSE = frozenset(
    """
    id status state stage conclusion reason_code message_type source_type type kind code identity prefix created_at
    ended_at day web_url comment_url index resumes
    """.split()  # noqa: SIM905 - a word a line would be a screen of them
)
"""Names of machine-readable fields without free text: a repository's own patterns are not applied to them."""


def redacted(value: T, patterns: Sequence[str] = ()) -> T:
    """The same data without secrets in any of its texts; in a map, a name can make its text a secret too.

    :param value: plain JSON, models, dataclasses, and lists and maps of these
    :param patterns: the repository's own, as in `bot.text.redaction.redact.redact`
    """
    return _redacted(value, patterns)  # type: ignore[no-any-return]  # of the same type


def redact_json(body: bytes, patterns: Sequence[Sequence[str]] = ()) -> bytes:
    """The same for a serialized document.

    :param patterns: for each of its ``items``, if there are as many; else all of them apply to the whole
    """
    document = json.loads(body)
    items = document.get("items") if isinstance(document, dict) else None
    if isinstance(items, list) and len(items) == len(patterns):
        shown = [redacted(item, own) for item, own in zip(items, patterns, strict=True)]
        result = {**document, "items": shown}
    else:
        result = redacted(document, [*dict.fromkeys(itertools.chain.from_iterable(patterns))])
    return body if result == document else json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode()


def call_redacted(shape: partial[T], patterns: Sequence[str]) -> T:
    """Calls it with redacted arguments.

    :param shape: all of it can be pickled
    """
    function: Callable[..., T] = shape.func
    return function(*redacted(shape.args, patterns), **_fields(shape.keywords, patterns))


def _redacted(value: Any, patterns: Sequence[str]) -> Any:
    match value:
        case str():
            # Enum members stay as they are.
            return redact(value, patterns) if type(value) is str else value
        case list() | tuple():
            return type(value)(_entries(value, patterns))
        case BaseModel():
            return value.model_copy(update=_fields(dict(value), patterns))
        case {"name": str(name), "value": str(secret)} if _is_secret(name, secret):
            return {**redacted({**value, "value": ""}, patterns), "value": REDACTED}
        case Mapping():
            return dict(_named(name, each, patterns) for name, each in value.items())
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.init}
            return dataclasses.replace(value, **_fields(fields, patterns))
        case _:
            return value


def _entries(value: Sequence[Any], patterns: Sequence[str]) -> Sequence[Any]:
    if all(type(each) in {int, float, bool} for each in value):
        return value  # fast for ten thousand numbers
    return [
        REDACTED if _is_of_option(before, each) else _redacted(each, patterns)
        for before, each in zip([None, *value], value, strict=False)
    ]


def _fields(fields: Mapping[str, Any], patterns: Sequence[str]) -> dict[str, Any]:
    return {name: each if name in NO_PROSE else _redacted(each, patterns) for name, each in fields.items()}


def _named(name: Any, value: Any, patterns: Sequence[str]) -> tuple[Any, Any]:
    if _is_secret(name, value):
        return name, REDACTED
    # The names of a response's fields are not untrusted text.
    of_name = () if isinstance(name, str) and name.isidentifier() else patterns
    return _redacted(name, of_name), _redacted(value, () if name in NO_PROSE else patterns)


def _is_of_option(before: Any, value: Any) -> bool:
    """Whether it is an option's value in a split command line: ``["--token", "value"]``."""
    return isinstance(before, str) and before.startswith("--") and "=" not in before and _is_secret(before, value)


def _is_secret(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, str) and is_secret_name(name) and not is_placeholder(value, name)
