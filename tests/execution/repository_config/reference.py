"""The config file's keys as rows of a table, for docs/config.md."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bot.execution.repository_config.display import schema


def reference(*, commands: Collection[str]) -> str:
    """A table in Markdown: each key by its dotted name, its type, its default, what it is."""
    whole = schema(commands=commands)
    rows = [
        f"| `{name}` | {_form(each, whole)} | {_usual(each)} | {each.get('description', '')} |"
        for name, each in _keys(whole, whole, "")
    ]
    return "\n".join(("| key | type | default | what it is |", "|---|---|---|---|", *rows))


def _keys(part: Mapping[str, Any], whole: Mapping[str, Any], above: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, each in part.get("properties", {}).items():
        inner = _resolved(each, whole)
        if name == "permissions":
            # One row for all commands: they take the same.
            command = next(iter(inner["properties"].values()))
            yield f"{name}.COMMAND", {**command, "description": each["description"]}
            continue
        if "properties" in inner:
            yield from _keys(inner, whole, f"{above}{name}.")
            continue
        yield f"{above}{name}", {**inner, **each}
        for values in (*inner.get("patternProperties", {}).values(), inner.get("additionalProperties")):
            if isinstance(values, dict) and "properties" in (named := _resolved(values, whole)):
                yield from _keys(named, whole, f"{above}{name}.NAME.")


def _resolved(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return whole["$defs"][name] if name else part


def _form(part: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if "anyOf" in part:
        return " or ".join(_form(_resolved(each, whole), whole) for each in part["anyOf"])
    match part.get("type"):
        case "integer" | "number":
            return f"{part['minimum']:,} to {part['maximum']:,}"
        case "boolean":
            return "`true`, `false`"
        case "array":
            return "a list of words"
        case "object":
            return "names and their values"
        case "null":
            return "`null`"
        case _:
            return "text"


def _usual(part: Mapping[str, Any]) -> str:
    if part.get("default") in (None, [], {}):
        return "`null`" if "default" in part and part["default"] is None else ""
    return f"`{json.dumps(part['default']).strip(chr(34))}`"
