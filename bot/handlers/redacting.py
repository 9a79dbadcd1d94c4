"""Redacts untrusted texts in any data structure, before they are shortened or escaped.

Shortening could leave half of a secret, and escaped text no longer matches a pattern.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from bot.replies.redaction import NO_PROSE, redact, redact_all

T = TypeVar("T")


def call_redacted(shape: partial[T], patterns: Sequence[str]) -> T:
    """Calls it with redacted arguments.

    :param shape: all of it can be pickled
    :param patterns: the repository's own, as in `bot.replies.redaction.redact`
    """
    function: Callable[..., T] = shape.func
    return function(*_redacted(shape.args, patterns), **_fields(shape.keywords, patterns))


def redacted(value: T, patterns: Sequence[str] = ()) -> T:
    """The same data without secrets in any of its texts.

    :param value: models, dataclasses, lists, maps and what they contain
    """
    return _redacted(value, patterns)  # type: ignore[no-any-return]  # of the same type


def _redacted(value: Any, patterns: Sequence[str]) -> Any:
    match value:
        case str():
            # Enum members stay as they are.
            return redact(value, patterns) if type(value) is str else value
        case tuple() | list():
            return type(value)(_redacted(each, patterns) for each in value)
        case BaseModel():
            return value.model_copy(update=_fields(dict(value), patterns))
        case Mapping():
            return _map(value, patterns)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.init}
            return dataclasses.replace(value, **_fields(fields, patterns))
        case _:
            return value


def _fields(fields: Mapping[str, Any], patterns: Sequence[str]) -> dict[str, Any]:
    return {name: each if name in NO_PROSE else _redacted(each, patterns) for name, each in fields.items()}


def _map(value: Mapping[Any, Any], patterns: Sequence[str]) -> Any:
    is_json = all(isinstance(name, str) for name in value) and not any(map(_is_model, value.values()))
    return redact_all(dict(value), patterns) if is_json else _values(value, patterns)


def _values(value: Mapping[Any, Any], patterns: Sequence[str]) -> dict[Any, Any]:
    return {name: _redacted(each, patterns) for name, each in value.items()}


def _is_model(value: Any) -> bool:
    return isinstance(value, BaseModel) or dataclasses.is_dataclass(value)
