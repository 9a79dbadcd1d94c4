"""Examples of responses for `/docs`, made from their JSON schemas and sample values by the fields' names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

DEEPEST = 6
"""Levels of an example; what would be nested deeper is left empty."""

_SAMPLES: Mapping[str, Any] = {
    "id": 7,
    "agent_run_id": 7,
    "agent_run_ids": [7, 3],
    "organization_id": 1,
    "organization_name": "Octo",
    "status": "COMPLETE",
    "created_at": "2026-11-20T15:42:10Z",
    "ended_at": "2026-11-20T15:45:52Z",
    "web_url": "https://codegen.com/agent/trace/7",
    "result": "The price was rounded twice; now once.",
    "summary": "Rounds once.",
    "source_type": "API",
    "metadata": {"ticket": 7},
    "cancellable": None,
    "agent_type": None,
    "model": None,
    "login": "alice",
    "title": "Round once",
    "url": "https://github.com/octo/shop/pull/12",
    "pull_request_urls": ["https://github.com/octo/shop/pull/12"],
    "head_branch_name": "round-once",
    "head_branch": "round-once",
    "base_branch": "main",
    "number": 12,
    "repository": "octo/shop",
    "full_name": "octo/shop",
    "github_id": "1001",
    "github_user_id": "1001",
    "github_username": "alice",
    "email": "alice@example.com",
    "avatar_url": None,
    "role": "ADMIN",
    "is_admin": True,
    "name": "shop",
    "visibility": "private",
    "language": "Python",
    "setup_status": "COMPLETED",
    "integration_type": "github",
    "total_active_integrations": 1,
    "message": "Done.",
    "problem": None,
    "final": "The index of attempt 1 with the columns of attempt 2.",
    "path": "app/checkout.py",
    "previous_path": None,
    "patch": "@@ -1 +1 @@\n-round(round(net))\n+round(net)",
    "additions": 1,
    "deletions": 1,
    "changed_files": 1,
    "total": 1,
    "page": 1,
    "size": 100,
    "pages": 1,
    "total_logs": 1,
    "tool_name": "edit_file",
    "message_type": "ACTION",
    "thought": "The first suspect.",
    "observation": "1 function changed",
    "tool_input": {"path": "app/checkout.py"},
    "tool_output": None,
    "day": "2026-11-20",
    "by_status": {"succeeded": 12, "failed": 1},
    "buckets": {"64": 3, "128": 9},
    "runs": 13,
    "ended": 13,
    "succeeded": 12,
    "success_share": 0.923,
    "known": 12,
    "median": 93.5,
    "p90": 120.0,
    "prefix": "/codegen",
    "working_seconds": 222.0,
    "cost": 0.42,
    "input_tokens": 18_000,
    "output_tokens": 2_100,
    "form": "/codegen resume [RUN] PROMPT",
    "example": "/codegen resume 7 also update the changelog",
    "who": "write",
    "errors": [],
    "problems": [],
}


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], *, field: str = "", depth: int = 0) -> Any:
    """A value that the schema describes.

    :param components: the document's schemas, by name
    :param field: the name of the field whose value it is
    """
    if field in _SAMPLES and _fits(_SAMPLES[field], schema):
        return _SAMPLES[field]
    match schema:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            return example_of(components[name], components, field=field, depth=depth)
        case {"anyOf": options}:
            some = [option for option in options if option.get("type") != "null"]
            return example_of(some[0], components, field=field, depth=depth)
        case {"enum": [first, *_]} | {"const": first}:
            return first
        case {"type": "array", "items": items}:
            return [] if depth >= DEEPEST else [example_of(items, components, depth=depth + 1)]
        case {"properties": properties}:
            return {
                name: example_of(each, components, field=name, depth=depth + 1) for name, each in properties.items()
            }
    return _BY_TYPE.get(schema.get("type", ""))


def _fits(sample: Any, schema: Mapping[str, Any]) -> bool:
    """Whether the sample is of a type that the schema allows."""
    if "enum" in schema or "const" in schema or "$ref" in schema:
        return False
    if "anyOf" in schema:
        return any(_fits(sample, option) for option in schema["anyOf"])
    if "type" not in schema:
        return not schema.keys() - {"description", "title", "default"}
    return isinstance(sample, _TYPES[schema["type"]])


_TYPES: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}

_BY_TYPE: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": False,
    "object": {},
    "array": [],
    "null": None,
}


def example_json(schema: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    """The example as text, for people."""
    return json.dumps(example_of(schema, components), indent=2, ensure_ascii=False)
