"""Commands as plain JSON: they travel through a database and must be read by later versions."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.commands.table import COMMANDS, Command
from bot.commands.usage import InvalidCommand


def to_json(command: Command | InvalidCommand) -> dict[str, Any]:
    """What `from_json` reads."""
    if isinstance(command, InvalidCommand):
        return {"mistake": command.text, "name": command.name}
    name = command.USAGE.name
    return {"name": name, "values": _adapter(name).dump_python(command, mode="json")}


def from_json(document: dict[str, Any]) -> Command | InvalidCommand:
    """What `to_json` wrote down; a mistake, and so an answer, where another version wrote what this one cannot read."""
    if "mistake" in document:
        return InvalidCommand(document["mistake"], document["name"])
    name = document["name"]
    if name in COMMANDS:
        try:
            command: Command = _adapter(name).validate_python(document["values"])
        except ValidationError:
            pass
        else:
            return command
    return InvalidCommand(
        "The bot was renewed before it came to this command, and reads it no longer. Give it again in a new comment.",
        name,
    )


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(COMMANDS[name])
