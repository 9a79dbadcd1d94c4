"""What both invented worlds go by: who gave the order and where, as far as that is known without asking."""

from __future__ import annotations

from collections import defaultdict

from bot.commands.ban_checks import UnbanChecks
from bot.commands.labels import LabelRole
from bot.commands.star import Unstar
from bot.github.models import Thread
from bot.handlers.invocation import CommandInvocation
from bot.repository_config.model import Labels

UNREAD = "(not read: this is a dry run)"
"""Stands wherever a real answer would say something."""

SOMEWHERE = "owner/repository"
"""Where no repository has been named."""

_TAKES_OFF: dict[type, LabelRole] = {Unstar: LabelRole.STARRED, UnbanChecks: LabelRole.BAN_CHECKS}


class Known:
    """The order at hand, what requests named before there was one, and which labels are on."""

    def __init__(self) -> None:
        self._invocation: CommandInvocation | None = None
        self._repository = SOMEWHERE
        self._number = 1
        self._labels: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)

    def begins(self, invocation: CommandInvocation) -> None:
        """This one is carried out next. The label that it takes off is on, so that one sees it taken off."""
        self._invocation = invocation
        if invocation.label is not None:
            names = [invocation.label.name] if invocation.label.on else []
        else:
            role = _TAKES_OFF.get(type(invocation.command))
            names = [Labels().name_of(role)] if role else []
        for name in names:
            self.put_on(*self.place, name)

    def saw(self, repository: str, number: int | None = None) -> None:
        """A request named these."""
        # The organization's own repository is read for its config only.
        if not repository.endswith("/.github"):
            self._repository = repository
            self._number = number or self._number

    @property
    def repository(self) -> str | None:
        """None where none has been named yet."""
        repository = self.place[0]
        return None if repository == SOMEWHERE else repository

    @property
    def place(self) -> tuple[str, int]:
        """Repository and number of the thread that everything is about."""
        invocation = self._invocation
        if invocation is None:
            return self._repository, self._number
        if invocation.thread is not None:
            return invocation.thread.repository, invocation.thread.number
        return invocation.home or self._repository, self._number

    def thread(self, repository: str, number: int) -> Thread | None:
        """The order's, where it is this one."""
        thread = self._invocation.thread if self._invocation else None
        if thread is None or (thread.repository.lower(), thread.number) != (repository.lower(), number):
            return None
        return thread

    @property
    def login(self) -> str:
        """Who gave the order."""
        return self._invocation.person.login if self._invocation else "somebody"

    def labels(self, repository: str, number: int) -> list[str]:
        """Those on a thread."""
        return [*self._labels[repository.lower(), number].values()]

    def put_on(self, repository: str, number: int, name: str) -> None:
        self._labels[repository.lower(), number][name.lower()] = name

    def take_off(self, repository: str, number: int, name: str) -> None:
        self._labels[repository.lower(), number].pop(name.lower(), None)
