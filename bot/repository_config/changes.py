"""Lists a config's values, and those that differ from the defaults, for display."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.repository_config.model import RepositoryConfig
from bot.repository_config.problems import shown


def changes(config: RepositoryConfig) -> list[str]:
    """One line for each value that differs from the default, in the order of the model."""
    there, usual = (_flat(each.model_dump(by_alias=True)) for each in (config, RepositoryConfig()))
    return [
        f"{shown(path)}: {_said(value)}{f' instead of {_said(usual[path])}' if path in usual else ''}"
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


def _said(value: Any) -> str:
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
