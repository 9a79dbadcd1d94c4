"""The JSON schema of the config file, for completion and checks in editors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bot.repository_config.model import LOGIN_PATTERN, LONGEST_PROMPT_NAME, PROMPT_NAME_PATTERN, RepositoryConfig


def schema(*, commands: Collection[str] = ()) -> dict[str, Any]:
    """The schema; it accepts every file that `reading.read` accepts. Some checks are beyond it, such as equal labels.

    :param commands: the names of the built-in commands; without them any name is valid
    """
    document = RepositoryConfig.model_json_schema(by_alias=True)
    properties = document["properties"]
    # Pydantic's schema ignores names that do not match the pattern.
    names: dict[str, Any] = {"pattern": PROMPT_NAME_PATTERN, "maxLength": LONGEST_PROMPT_NAME}
    properties["prompts"]["propertyNames"] = names
    for form in properties["allowed-bots"]["anyOf"]:
        if form["type"] == "object":
            form["propertyNames"] = {"pattern": LOGIN_PATTERN}
    if commands:
        names["not"] = {"enum": list(commands)}
        permissions = properties["permissions"]
        # As properties, because editors complete those.
        permissions["properties"] = dict.fromkeys(commands, permissions["additionalProperties"])
        permissions["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}
