"""Redacts all texts of a data structure, before they are shortened or escaped.

Shortening could leave half of a secret, and escaped text no longer matches a pattern.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

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
    return _Redaction(patterns).of(value)  # type: ignore[no-any-return]  # of the same type


def redact_json(body: bytes, patterns: Sequence[Sequence[str]] = ()) -> bytes:
    """The same for a serialized document.

    :param patterns: for each of its ``items``, if there are as many; else all of them apply to the whole
    """
    document = json.loads(body)
    items = document.get("items") if isinstance(document, dict) else None
    if isinstance(items, list) and len(items) == len(patterns):
        each = {own: _Redaction(own) for own in {*map(tuple, patterns)}}
        shown = [each[tuple(own)].of(item) for item, own in zip(items, patterns, strict=True)]
        result = {**document, "items": shown}
    else:
        result = redacted(document, [*dict.fromkeys(itertools.chain.from_iterable(patterns))])
    return body if result == document else json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode()


def call_redacted(shape: partial[T], patterns: Sequence[str]) -> T:
    """Calls it with redacted arguments.

    :param shape: all of it can be pickled
    """
    function: Callable[..., T] = shape.func
    redaction = _Redaction(patterns)
    return function(*redaction.of(shape.args), **redaction.of_fields(shape.keywords))


class _Redaction:
    """Redacts each different text once: the entries of a list have most of their names, users and repositories in
    common.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._known: dict[str, str] = {}
        self._without_patterns = _Redaction(()) if patterns else self

    def of(self, value: Any) -> Any:
        match value:
            case str():
                # Enum members stay as they are.
                return self._of_text(value) if type(value) is str else value
            case list() | tuple():
                return type(value)(self._of_entries(value))
            case {"name": str(name), "value": str(secret)} if _is_secret(name, secret):
                return {**self.of({**value, "value": ""}), "value": REDACTED}
            case Mapping():
                return dict(self._of_named(name, each) for name, each in value.items())
            case _ if _is_model(value):
                return value.model_copy(update=self.of_fields(dict(value)))
            case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
                fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.init}
                return dataclasses.replace(value, **self.of_fields(fields))
            case _:
                return value

    def of_fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {name: each if name in NO_PROSE else self.of(each) for name, each in fields.items()}

    def _of_text(self, text: str) -> str:
        if (found := self._known.get(text)) is None:
            found = self._known[text] = redact(text, self._patterns)
        return found

    def _of_entries(self, value: Sequence[Any]) -> Sequence[Any]:
        if all(type(each) in {int, float, bool} for each in value):
            return value  # fast for ten thousand numbers
        return [
            REDACTED if _is_of_option(before, each) else self.of(each)
            for before, each in zip([None, *value], value, strict=False)
        ]

    def _of_named(self, name: Any, value: Any) -> tuple[Any, Any]:
        if _is_secret(name, value):
            return name, REDACTED
        # The names of a response's fields are not untrusted text.
        of_name = self._without_patterns if isinstance(name, str) and name.isidentifier() else self
        of_value = self._without_patterns if name in NO_PROSE else self
        return of_name.of(name), of_value.of(value)


def _is_model(value: Any) -> bool:
    # Whoever passes a model has imported pydantic. A worker that is given JSON need not: it would be most of its start.
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def _is_of_option(before: Any, value: Any) -> bool:
    """Whether it is an option's value in a split command line: ``["--token", "value"]``."""
    return isinstance(before, str) and before.startswith("--") and "=" not in before and _is_secret(before, value)


def _is_secret(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, str) and is_secret_name(name) and not is_placeholder(value, name)
