"""Describes a JSON Schema in words."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from bot.web.api.models import BIGGEST_ID


def form(schema: dict[str, Any]) -> str:
    """As HTML: ``integer, from 1``, ``list of AgentRun``, one of some words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(form(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
        return f"list of {form(schema.get('items', {}))}{most}"
    named = [schema.get("format") or schema.get("type") or "anything", _range(schema), _length(schema)]
    if "pattern" in schema:
        named.append(f"matches <code>{escape(schema['pattern'])}</code>")
    return ", ".join(part for part in named if part)


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    over = schema.get("exclusiveMinimum")
    words = [
        f"more than {over:,}" if over is not None else "",
        f"from {low:,}" if low is not None else "",
        f"to {high:,}" if high is not None and high != BIGGEST_ID else "",
    ]
    return " ".join(word for word in words if word)


def _length(schema: dict[str, Any]) -> str:
    fewest, most = schema.get("minLength"), schema.get("maxLength")
    if most is None:
        return "not empty" if fewest else ""
    return f"{f'{fewest:,} to' if fewest else 'at most'} {most:,} characters"
