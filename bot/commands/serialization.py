"""Commands as plain JSON: they are stored in a database and must be readable by later versions."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.commands.registry import Command, command_class
from bot.commands.usage import InvalidCommand


def to_json(command: Command | InvalidCommand) -> dict[str, Any]:
    """Plain JSON for `from_json`."""
    if isinstance(command, InvalidCommand):
        return {"name": command.name, "error": command.text}
    name = command.USAGE.name
    return {"name": name, "arguments": _adapter(name).dump_python(command, mode="json")}


def from_json(document: dict[str, Any]) -> Command | InvalidCommand:
    """Reads what `to_json` returned; an invalid command, and so a reply, if another version's data cannot be read."""
    if "error" in document:
        return InvalidCommand(document["error"], document["name"])
    name = document["name"]
    if command_class(name) is not None:
        try:
            command: Command = _adapter(name).validate_python(document["arguments"])
        except ValidationError:
            pass
        else:
            return command
    text = "The bot was updated before it executed this command, and cannot read it. Give it again in a new comment."
    return InvalidCommand(text, name)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    known = command_class(name)
    assert known is not None  # noqa: S101 - the callers check
    return TypeAdapter(known)
