"""GitHub's published description of its REST API, if it is available next to the project.

OpenAPI 3.0 is nearly JSON Schema draft 4: only `nullable` is written differently.
"""

from __future__ import annotations

import functools
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema

PATH = Path(__file__).parents[4] / "shared" / "specs" / "github-openapi.json"

_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None)


@_FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


@functools.cache
def load() -> dict[str, Any]:
    document = json.loads(PATH.read_text())
    # Written out in this one place, an installation's account is a user and an enterprise at once; where it has a name
    # it is either, as it can only be.
    answer = document["paths"]["/app/installations"]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"]["items"] = {"$ref": "#/components/schemas/installation"}
    converted: dict[str, Any] = _with_nulls(document)
    return converted


def _with_nulls(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_nulls(each) for each in part]
    if not isinstance(part, dict):
        return part
    converted = {name: _with_nulls(value) for name, value in part.items() if name != "nullable"}
    return {"anyOf": [{"type": "null"}, converted]} if part.get("nullable") is True else converted


def operation(method: str, path: str) -> tuple[str, dict[str, Any], dict[str, str]] | None:
    """The template of a path, its operation, and its parameters; None: not described."""
    found = []
    for template, methods in load()["paths"].items():
        # A path has slashes, and none at all is the repository's root
        # (https://docs.github.com/en/rest/repos/contents#get-repository-content).
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)).replace(
            "(?P<path>[^/]+)", "(?P<path>.*)"
        )
        match = re.fullmatch(pattern, path)
        if match and method.lower() in methods:
            values = {name: unquote(value) for name, value in match.groupdict().items()}
            found.append((len(values), template, methods[method.lower()], values))
    # /issues/comments is not the issue of that name: what spells out most of the path wins.
    return min(found, key=lambda one: one[0])[1:] if found else None


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    """The problems of a value, one sentence each."""
    validator = jsonschema.Draft4Validator({**schema, "components": load()["components"]}, format_checker=_FORMATS)
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(value)
    ]


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Resolves a reference."""
    reference = part.get("$ref")
    if reference is None:
        return part
    found: Any = load()
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return resolved(found)
