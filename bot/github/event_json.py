"""Events as plain JSON, independent of class names: a later version of the bot must be able to read it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from bot.github.events import CommentEdited, CommentPosted, Event, LabelChanged

_SHAPES: dict[str, TypeAdapter[Any]] = {
    "comment-posted": TypeAdapter(CommentPosted),
    "comment-edited": TypeAdapter(CommentEdited),
    "label-changed": TypeAdapter(LabelChanged),
}
_NAMES: dict[type, str] = {
    CommentPosted: "comment-posted",
    CommentEdited: "comment-edited",
    LabelChanged: "label-changed",
}


def to_json(event: Event) -> dict[str, Any]:
    name = _NAMES[type(event)]
    return {"kind": name, "event": _SHAPES[name].dump_python(event, mode="json")}


def from_json(document: dict[str, Any]) -> Event:
    """:raises ValueError: if this version knows no such event"""
    shape = _SHAPES.get(str(document.get("kind")))
    if shape is None:
        raise ValueError("an event of an unknown kind")
    event: Event = shape.validate_python(document.get("event"), strict=False)
    return event
