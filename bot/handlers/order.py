"""An order: one command, as somebody gave it at one place. It is the durable input of all work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from bot.commands.labels import LabelRole
from bot.commands.table import Command
from bot.commands.usage import Mistake
from bot.commands.written import from_json, to_json
from bot.github.models import Comment, Person, Thread

_THREAD = TypeAdapter(Thread)
_PERSON = TypeAdapter(Person)
_COMMENT = TypeAdapter(Comment | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """The label by which somebody asked.

    :param name: as it stands on GitHub
    :param on: whether it was put on or taken off
    """

    role: LabelRole
    name: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedUse:
    """The repository's named prompt by which somebody asked.

    :param template: the prompt with its placeholders
    :param rest: what followed the name
    """

    name: str
    template: str
    rest: str


_LABEL = TypeAdapter(LabelChange | None)
_NAMED = TypeAdapter(NamedUse | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who asked for what, where and when.

    :param comment: the words, where it was asked for in words
    :param label: the label, where it was asked for by one
    :param named: the named prompt, where it was asked for by one
    :param identity: the same for every delivery of the same command; at most 120 characters
    :param asked_at: when the bot first heard of it; nothing of this order's doing is older
    :param prefix: how a command line starts in this repository
    """

    identity: str
    command: Command | Mistake
    thread: Thread
    comment: Comment | None
    person: Person
    asked_at: datetime
    prefix: str
    label: LabelChange | None = None
    named: NamedUse | None = None

    @property
    def name(self) -> str:
        """The command's name, as the reply's marker carries it."""
        return self.command.name if isinstance(self.command, Mistake) else self.command.USAGE.name

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, free of our classes' names: a later version must be able to read it."""
        return {
            "identity": self.identity,
            "command": to_json(self.command),
            "thread": _THREAD.dump_python(self.thread, mode="json"),
            "comment": _COMMENT.dump_python(self.comment, mode="json"),
            "label": _LABEL.dump_python(self.label, mode="json"),
            "named": _NAMED.dump_python(self.named, mode="json"),
            "person": _PERSON.dump_python(self.person, mode="json"),
            "asked_at": self.asked_at.astimezone(UTC).isoformat(),
            "prefix": self.prefix,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Order:
        return cls(
            identity=document["identity"],
            command=from_json(document["command"]),
            thread=_THREAD.validate_python(document["thread"], strict=False),
            comment=_COMMENT.validate_python(document["comment"], strict=False),
            person=_PERSON.validate_python(document["person"], strict=False),
            asked_at=datetime.fromisoformat(document["asked_at"]),
            prefix=document["prefix"],
            label=_LABEL.validate_python(document.get("label"), strict=False),
            named=_NAMED.validate_python(document.get("named"), strict=False),
        )
