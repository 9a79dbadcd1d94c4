"""A command invocation: one command, by one user in one place. It is the durable input of all work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from bot.commands.labels import LabelRole
from bot.commands.serialization import from_json, to_json
from bot.commands.table import Command
from bot.commands.usage import InvalidCommand
from bot.errors import UserError
from bot.github.models import Comment, Person, Thread
from bot.replies.failures import IN_A_COMMENT, ON_THE_COMMAND_LINE, no_repository, no_thread

_THREAD = TypeAdapter(Thread | None)
_PERSON = TypeAdapter(Person)
_COMMENT = TypeAdapter(Comment | None)

ABOUT_CONFIG = "config"
"""The name of the notice about an invalid config file."""


class Authority(StrEnum):
    """The authority behind an invocation."""

    PERSON = "person"
    """A GitHub user, whose permission GitHub determines."""

    TOKEN = "token"  # noqa: S105 - not a secret
    """The holder of the tokens, in a workflow's step or on the command line: may do whatever the tokens may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """The label change that triggered the command.

    :param name: as written on GitHub
    :param on: whether it was added or removed
    :param is_checked: whether to check with GitHub that it still is so, before anything is done
    """

    role: LabelRole
    name: str
    on: bool
    is_checked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedUse:
    """The repository's named prompt that was used.

    :param template: the prompt with its placeholders
    :param rest: the text after the name
    """

    name: str
    template: str
    rest: str


_LABEL = TypeAdapter(LabelChange | None)
_NAMED = TypeAdapter(NamedUse | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandInvocation:
    """Who requested what, where and when.

    :param thread: None without one: in a workflow's step or on the command line
    :param repository: ``owner/name`` if there is no thread; None: no repository either
    :param comment: set if a comment triggered it
    :param label: set if a label triggered it
    :param named: set if a named prompt was used
    :param identity: the same for every delivery of the same command; at most 120 characters
    :param asked_at: when it was requested, as far as is known; nothing done for this invocation is older
    :param prefix: how a command line starts in this repository
    :param metadata: stored upstream with each run of this invocation
    :param siblings: the number of other commands in the same comment
    :param posts: whether the reply is posted on the thread
    :param waits: whether to wait for the runs to end
    """

    identity: str
    command: Command | InvalidCommand
    thread: Thread | None
    repository: str | None = None
    comment: Comment | None
    person: Person
    asked_at: datetime
    prefix: str
    label: LabelChange | None = None
    named: NamedUse | None = None
    authority: Authority = Authority.PERSON
    metadata: Mapping[str, Any] | None = None
    siblings: int = 0
    posts: bool = True
    waits: bool = True

    @property
    def name(self) -> str:
        """The command's name, as used in the reply's marker."""
        return self.command.name if isinstance(self.command, InvalidCommand) else self.command.USAGE.name

    @property
    def is_about_config(self) -> bool:
        """Whether this is not a command but the notice about an invalid config file."""
        return isinstance(self.command, InvalidCommand) and self.command.name == ABOUT_CONFIG

    @property
    def only_shows(self) -> bool:
        """Whether it changes nothing but its own reply."""
        return isinstance(self.command, InvalidCommand) or (self.label is None and self.command.USAGE.only_shows)

    @property
    def home(self) -> str | None:
        """The repository in which it was given."""
        return self.thread.repository if self.thread else self.repository

    @property
    def by_token(self) -> bool:
        """Whether the holder of the tokens gave it."""
        return self.authority is Authority.TOKEN

    @property
    def is_public(self) -> bool:
        """Whether everybody can read the answer; the holder of the tokens has decided where it goes."""
        return not self.by_token and self.thread is not None and not self.thread.is_private

    @property
    def again(self) -> str:
        """How to repeat it, for a sentence that says what to do next."""
        return ON_THE_COMMAND_LINE if self.by_token else IN_A_COMMENT

    def log_values(self) -> dict[str, str]:
        """The values bound to every log line of its workflow."""
        thread = {"thread": f"{self.thread.repository}#{self.thread.number}"} if self.thread else {}
        return {"invocation": self.identity, "command": self.name, "login": self.person.login, **thread}

    def the_thread(self) -> Thread:
        """:raises UserError: if there is none"""
        if self.thread is None:
            raise UserError(no_thread())
        return self.thread

    def the_repository(self) -> str:
        """:raises UserError: if there is none"""
        if self.home is None:
            raise UserError(no_repository())
        return self.home

    def to_json(self) -> dict[str, Any]:
        """Plain JSON without class names, because a later version must be able to read it."""
        return {
            "identity": self.identity,
            "command": to_json(self.command),
            "thread": _THREAD.dump_python(self.thread, mode="json"),
            "repository": self.repository,
            "comment": _COMMENT.dump_python(self.comment, mode="json"),
            "label": _LABEL.dump_python(self.label, mode="json"),
            "named": _NAMED.dump_python(self.named, mode="json"),
            "person": _PERSON.dump_python(self.person, mode="json"),
            "asked_at": self.asked_at.astimezone(UTC).isoformat(),
            "prefix": self.prefix,
            "authority": self.authority.value,
            "metadata": dict(self.metadata) if self.metadata else None,
            "siblings": self.siblings,
            "posts": self.posts,
            "waits": self.waits,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> CommandInvocation:
        return cls(
            identity=document["identity"],
            command=from_json(document["command"]),
            thread=_THREAD.validate_python(document["thread"], strict=False),
            repository=document.get("repository"),
            comment=_COMMENT.validate_python(document["comment"], strict=False),
            person=_PERSON.validate_python(document["person"], strict=False),
            asked_at=datetime.fromisoformat(document["asked_at"]),
            prefix=document["prefix"],
            label=_LABEL.validate_python(document.get("label"), strict=False),
            named=_NAMED.validate_python(document.get("named"), strict=False),
            authority=Authority(document.get("authority", Authority.PERSON)),
            metadata=document.get("metadata"),
            siblings=document.get("siblings", 0),
            posts=document.get("posts", True),
            waits=document.get("waits", True),
        )
