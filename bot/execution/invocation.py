"""A command invocation: one command, by one user, in one thread. It is the durable input of all work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from bot.commands import serialization
from bot.commands.registry import Command
from bot.commands.usage import InvalidCommand, NamedPromptUse
from bot.errors import UserError
from bot.execution.failures import IN_A_COMMENT, ON_THE_COMMAND_LINE
from bot.execution.repository_config.model import LabelRole
from bot.github.models import Comment, Person, Thread, adapter

ABOUT_CONFIG = "config"
"""The name of the notice about an invalid config file."""

FRESH = timedelta(seconds=30)
"""For so long after a delivery GitHub's replicas may lack what it names."""


class Authority(StrEnum):
    """The authority behind an invocation."""

    PERSON = "person"
    """A GitHub user, whose permission GitHub determines."""

    TOKEN = "token"  # noqa: S105 - not a secret
    """The holder of the tokens, in a workflow's step or on the command line: may do whatever the tokens may."""

    BOT = "bot"
    """The bot itself, which deals with the failed checks of a run's commit."""


class Via(StrEnum):
    """How the holder of a token gave a command."""

    DASHBOARD = "dashboard"
    API = "api"
    COMMAND_LINE = "cli"

    @property
    def words(self) -> str:
        return {Via.DASHBOARD: "the dashboard", Via.API: "the API", Via.COMMAND_LINE: "the command line"}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """The label change that triggered the command.

    :param name: as written on GitHub
    :param on: whether it was added or removed
    :param needs_check: whether to check with GitHub that it still is so, before anything is done
    """

    role: LabelRole
    name: str
    on: bool
    needs_check: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandInvocation:
    """Who requested what, where and when.

    :param thread: None without one: in a workflow's step or on the command line
    :param repository: ``owner/name`` if there is no thread; None: no repository either
    :param comment: set if a comment triggered it
    :param label: set if a label triggered it
    :param named_prompt: set if a named prompt was used
    :param identity: the same for every delivery of the same command; at most 120 characters
    :param requested_at: when it was requested, as far as is known; nothing done for this invocation is older
    :param prefix: how a command line starts in this repository
    :param via: how it was given, if neither a comment nor a label triggered it
    :param metadata: stored upstream with each run of this invocation
    :param other_commands: the number of other commands in the same comment
    :param adds_to: set if it is no command but text that an edit added to one: the identity of that command
    :param posts: whether the reply is posted on the thread
    :param waits: whether to wait for the runs to end
    """

    identity: str
    command: Annotated[
        Command | InvalidCommand, PlainValidator(serialization.from_json), PlainSerializer(serialization.to_json)
    ]
    thread: Thread | None
    repository: str | None = None
    comment: Comment | None
    person: Person
    requested_at: datetime
    prefix: str
    label: LabelChange | None = None
    named_prompt: NamedPromptUse | None = None
    authority: Authority = Authority.PERSON
    via: Via | None = None
    metadata: Mapping[str, Any] | None = None
    other_commands: int = 0
    adds_to: str | None = None
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
    def read_only(self) -> bool:
        """Whether it changes nothing but its own reply."""
        return isinstance(self.command, InvalidCommand) or (self.label is None and self.command.USAGE.read_only)

    @property
    def repository_name(self) -> str | None:
        """The repository in which it was given."""
        return self.thread.repository if self.thread else self.repository

    @property
    def by_token(self) -> bool:
        """Whether the holder of the tokens gave it."""
        return self.authority is Authority.TOKEN

    @property
    def by_bot(self) -> bool:
        """Whether the bot itself gave it."""
        return self.authority is Authority.BOT

    @property
    def is_public(self) -> bool:
        """Whether anyone can read the answer; the holder of the tokens has decided where it goes."""
        return not self.by_token and self.thread is not None and not self.thread.is_private

    @property
    def retry_hint(self) -> str:
        """How to repeat it, for a sentence that says what to do next."""
        return ON_THE_COMMAND_LINE if self.by_token else IN_A_COMMENT

    def is_fresh(self, now: datetime) -> bool:
        """Whether GitHub may not find yet what the delivery names, although it exists."""
        return not self.by_token and now - self.requested_at < FRESH

    def log_values(self) -> dict[str, str]:
        """The values bound to every log line of its workflow."""
        thread = {"thread": f"{self.thread.repository}#{self.thread.number}"} if self.thread else {}
        return {"invocation": self.identity, "command": self.name, "login": self.person.login, **thread}

    def require_thread(self) -> Thread:
        """:raises UserError: if there is none"""
        if self.thread is None:
            raise UserError(
                "This command needs a pull request or an issue: `--thread octo/shop#7` on the command line, "
                "`pull-request: 7` in a workflow step."
            )
        return self.thread

    def require_repository(self) -> str:
        """:raises UserError: if there is none"""
        if self.repository_name is None:
            raise UserError(
                "This command needs a repository: `--repository octo/shop` or `--thread octo/shop#7` on the command "
                "line."
            )
        return self.repository_name

    def to_json(self) -> dict[str, Any]:
        """Plain JSON without class names, because a later version must be able to read it."""
        document: dict[str, Any] = adapter(CommandInvocation).dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> CommandInvocation:
        """Reads what `to_json` returned; other keys are ignored."""
        invocation: CommandInvocation = adapter(CommandInvocation).validate_python(document)
        return invocation
