"""A config for people and editors: its values, changes from the defaults, warnings, and the JSON schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.execution.repository_config.model import (
    LOGIN_PATTERN,
    LONGEST_PROMPT_NAME,
    PROMPT_NAME_PATTERN,
    Level,
    RepositoryConfig,
)
from bot.execution.repository_config.problems import shown
from bot.execution.repository_config.prompts import placeholders


def changes(config: RepositoryConfig) -> list[str]:
    """One line for each value that differs from the default, in the order of the model."""
    there, usual = (_flat(each.model_dump(by_alias=True)) for each in (config, RepositoryConfig()))
    return [
        f"{shown(path)}: {_shown_value(value)}{f' instead of {_shown_value(usual[path])}' if path in usual else ''}"
        for path, value in there.items()
        if path not in usual or value != usual[path]
    ]


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value.

    :param name: as in the file, dotted
    :param value: plain JSON
    :param is_usual: whether it is the default
    """

    name: str
    value: Any
    is_usual: bool


def settings_of(config: RepositoryConfig) -> list[Setting]:
    """Every value, in the order of the model."""
    there, usual = (_flat(each.model_dump(by_alias=True, mode="json")) for each in (config, RepositoryConfig()))
    return [Setting(shown(path), value, path in usual and value == usual[path]) for path, value in there.items()]


def _flat(data: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Dotted names to values; a named prompt is one value."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and above != "prompts.":
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat


def _shown_value(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return f"{value['command']}, {shown(value['description'] or value['prompt'])}"
        case tuple():
            return ", ".join(map(shown, value)) or "an empty list"
        case _:
            return shown(str(value))


def notes(config: RepositoryConfig, *, defaults: Mapping[str, Level]) -> list[str]:
    """A sentence or two on each.

    :param defaults: the permission that each command needs by default
    """
    return [
        _lowered(name, config, defaults[prompt.command])
        for name, prompt in config.prompts.items()
        if config.is_lowered(name, defaults[prompt.command])
    ]


def _lowered(name: str, config: RepositoryConfig, default: Level) -> str:
    prompt = config.prompts[name]
    takes, command_takes = config.permission_for(name, default), config.permission_for(prompt.command, default)
    rest = '; its "{rest}" stays empty' if "rest" in placeholders(prompt.prompt) else ""
    return (
        f'"prompts.{name}" takes {takes} access and {prompt.command} takes {command_takes}: everybody with {takes} '
        "access can start an agent with this prompt, on any issue or pull request. "
        f"It takes no flags and no words{rest}."
    )


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
