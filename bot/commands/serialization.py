"""Commands as plain JSON: they are stored in a database and must be readable by later versions."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.commands.table import COMMANDS, Command
from bot.commands.usage import InvalidCommand


def to_json(command: Command | InvalidCommand) -> dict[str, Any]:
    """Plain JSON for `from_json`."""
    if isinstance(command, InvalidCommand):
        return {"mistake": command.text, "name": command.name}
    name = command.USAGE.name
    return {"name": name, "values": _adapter(name).dump_python(command, mode="json")}


def from_json(document: dict[str, Any]) -> Command | InvalidCommand:
    """Reads what `to_json` returned; an invalid command, and so a reply, if another version's data cannot be read."""
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
