"""What both fakes know without a request: the invocation's user and thread."""

from __future__ import annotations

from collections import defaultdict

from bot.commands.ban_checks import UnbanChecks
from bot.commands.labels import LabelRole
from bot.commands.star import Unstar
from bot.github.models import Thread
from bot.handlers.invocation import CommandInvocation
from bot.repository_config.model import Labels

UNREAD = "(not read: this is a dry run)"
"""Stands for the content of a real response."""

SOMEWHERE = "owner/repository"
"""Used until a repository is named."""

_TAKES_OFF: dict[type, LabelRole] = {Unstar: LabelRole.STARRED, UnbanChecks: LabelRole.BAN_CHECKS}


class Known:
    """The current invocation, what earlier requests named, and which labels are set."""

    def __init__(self) -> None:
        self._invocation: CommandInvocation | None = None
        self._repository = SOMEWHERE
        self._number = 1
        self._labels: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)

    def begins(self, invocation: CommandInvocation) -> None:
        """Called before an invocation is executed. The label that it removes is set, so that its removal is shown."""
        self._invocation = invocation
        if invocation.label is not None:
            names = [invocation.label.name] if invocation.label.on else []
        else:
            role = _TAKES_OFF.get(type(invocation.command))
            names = [Labels().name_of(role)] if role else []
        for name in names:
            self.put_on(*self.place, name)

    def saw(self, repository: str, number: int | None = None) -> None:
        """Notes the repository and number that a request named."""
        # The organization's own repository is read only for its config.
        if not repository.endswith("/.github"):
            self._repository = repository
            self._number = number or self._number

    @property
    def repository(self) -> str | None:
        """None if none has been named yet."""
        repository = self.place[0]
        return None if repository == SOMEWHERE else repository

    @property
    def place(self) -> tuple[str, int]:
        """Repository and number of the thread that the invocation is about."""
        invocation = self._invocation
        if invocation is None:
            return self._repository, self._number
        if invocation.thread is not None:
            return invocation.thread.repository, invocation.thread.number
        return invocation.home or self._repository, self._number

    def thread(self, repository: str, number: int) -> Thread | None:
        """The invocation's thread, if it is this one."""
        thread = self._invocation.thread if self._invocation else None
        if thread is None or (thread.repository.lower(), thread.number) != (repository.lower(), number):
            return None
        return thread

    @property
    def login(self) -> str:
        """The user who typed the command."""
        return self._invocation.person.login if self._invocation else "somebody"

    def labels(self, repository: str, number: int) -> list[str]:
        """The labels on a thread."""
        return [*self._labels[repository.lower(), number].values()]

    def put_on(self, repository: str, number: int, name: str) -> None:
        self._labels[repository.lower(), number][name.lower()] = name

    def take_off(self, repository: str, number: int, name: str) -> None:
        self._labels[repository.lower(), number].pop(name.lower(), None)
