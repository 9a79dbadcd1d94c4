"""Commands as plain JSON: they travel through a database and must be read by later versions."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from bot.commands.table import COMMANDS, Command
from bot.commands.usage import Mistake

_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(command) for name, command in COMMANDS.items()}


def to_json(command: Command | Mistake) -> dict[str, Any]:
    if isinstance(command, Mistake):
        return {"mistake": command.text, "name": command.name}
    name = command.USAGE.name
    return {"name": name, "values": _ADAPTERS[name].dump_python(command, mode="json")}


def from_json(document: dict[str, Any]) -> Command | Mistake:
    """What `to_json` wrote down."""
    if "mistake" in document:
        return Mistake(document["mistake"], document["name"])
    command: Command = _ADAPTERS[document["name"]].validate_python(document["values"])
    return command
