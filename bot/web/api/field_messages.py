"""What is wrong with a request's fields, for people: pydantic's own messages are for programmers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.execution.agent_types import NAME_PATTERN

LONGEST_NAME = 100
"""Characters of an unknown field's name that are compared with the known ones."""

MOST_ERRORS = 20
"""Fields that are named."""

_MESSAGES = {
    "missing": "is required",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
}

_TYPES = {
    "string": "must be text",
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "list": "must be a list",
    "dict": "must be an object",
    "model": "must be an object",
    "datetime": "must be a time, such as 2026-05-04T12:00:00Z",
}
"""By how the names of pydantic's errors about types begin."""

_PATTERNS = {
    r"\S": "must not be empty",
    r"^data:image/[!-~]+$": "must be a data: URL of an image",
    NAME_PATTERN: "is not the name of an agent",
}


def field_errors(error: ValidationError, model: type[BaseModel], *, kind: str) -> list[dict[str, str]]:
    """Each invalid field, with a message that continues a sentence about it.

    :param kind: what the model has: "field" or "parameter"
    """
    return [
        {"field": ".".join(map(str, each["loc"])), "message": _message(each, model, kind)}
        for each in error.errors(include_url=False)[:MOST_ERRORS]
    ]


def sentence(errors: Iterable[Mapping[str, str]]) -> str:
    """One sentence about all of them."""
    parts = [f"{each['field'] or 'The request'} {each['message']}" for each in errors]
    text = "; ".join(parts)
    return text if text.endswith("?") else f"{text}."


def _message(problem: Mapping[str, Any], model: type[BaseModel], kind: str) -> str:
    name, context = str(problem["type"]), problem.get("ctx", {})
    if name == "extra_forbidden":
        return f"is not a {kind}{_suggestion(str(problem['loc'][-1]), model)}"
    if name == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    if name == "string_pattern_mismatch":
        return _PATTERNS.get(context.get("pattern", ""), "contains characters that it may not contain")
    if name in _MESSAGES:
        return _MESSAGES[name].format_map(context)
    message = str(problem["msg"])
    return _TYPES.get(name.partition("_")[0], f"{message[:1].lower()}{message[1:]}")


def _suggestion(name: str, model: type[BaseModel]) -> str:
    known = [field.alias or each for each, field in model.model_fields.items()]
    near = difflib.get_close_matches(name[:LONGEST_NAME].lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}" if known else ""
