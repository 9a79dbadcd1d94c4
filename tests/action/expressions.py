"""GitHub's expressions, as far as an ``if:`` uses them here.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\|\||&&|==|!=|[()!,]|[\w.-]+)")


def evaluate(expression: str, github: Mapping[str, Any]) -> Any:
    """:param github: the context of that name; missing values are null"""
    return evaluate_in(expression, {"github": github})


def evaluate_in(expression: str, contexts: Mapping[str, Any]) -> Any:
    """:param contexts: by their names"""
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", expression), expression
    parser = _Parser(tokens, contexts)
    value = parser.alternatives()
    assert parser.tokens == []
    return value


class _Parser:
    def __init__(self, tokens: list[str], contexts: Mapping[str, Any]) -> None:
        self.tokens = tokens
        self._contexts = contexts

    def alternatives(self) -> Any:
        value = self._conjunction()
        while self._takes("||"):
            other = self._conjunction()
            value = value or other
        return value

    def _conjunction(self) -> Any:
        value = self._comparison()
        while self._takes("&&"):
            other = self._comparison()
            value = value and other
        return value

    def _comparison(self) -> Any:
        value = self._primary()
        if self._takes("=="):
            return value == self._primary()
        if self._takes("!="):
            return value != self._primary()
        return value

    def _primary(self) -> Any:
        if self._takes("!"):
            return not self._primary()
        if self._takes("("):
            value = self.alternatives()
            assert self._takes(")")
            return value
        word = self.tokens.pop(0)
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if self._takes("("):
            return self._call(word)
        if word == "null":
            return None
        value = self._contexts
        for name in word.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _call(self, name: str) -> Any:
        arguments = [self.alternatives()]
        while self._takes(","):
            arguments.append(self.alternatives())
        assert self._takes(")")
        match name, arguments:
            case "contains", [list() as items, item]:
                return item in items
            case "contains", [text, part]:
                return (part or "").lower() in (text or "").lower()
            case "startsWith", [text, beginning]:
                return (text or "").lower().startswith((beginning or "").lower())
            case "fromJSON", [text]:
                return json.loads(text)
        raise AssertionError(f"{name} is not known")

    def _takes(self, token: str) -> bool:
        if self.tokens[:1] == [token]:
            self.tokens.pop(0)
            return True
        return False
