"""Every command by its name, in the order in which help shows them.

A command's module is imported when the command is first used: it needs `CommandContext`, whose parts need the names and
usages of all commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import ClassVar, Protocol, Self

from bot.commands.usage import Usage


class Command(Protocol):
    """A parsed command: a frozen dataclass of its arguments."""

    USAGE: ClassVar[Usage]

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:
        """:param flags: values by the long option
        :param rest: the text after the flags, exactly as typed
        :raises ParseError: if an argument is missing or invalid
        """


_CLASSES = MappingProxyType(
    {
        "run": "run.Run",
        "resume": "resume.Resume",
        "multi-run": "multi_run.MultiRun",
        "review": "review.Review",
        "confirm": "confirm.Confirm",
        "keep": "confirm.Keep",
        "status": "list_runs.Status",
        "runs": "list_runs.ListRuns",
        "logs": "logs.Logs",
        "cancel": "ban_checks.Cancel",
        "ban-checks": "ban_checks.BanChecks",
        "unban-checks": "ban_checks.UnbanChecks",
        "remove": "ban_checks.Remove",
        "close": "pull_request.Close",
        "reopen": "pull_request.Reopen",
        "draft": "pull_request.Draft",
        "ready": "pull_request.Ready",
        "checks": "checks.Checks",
        "analyze-logs": "analyze_logs.AnalyzeLogs",
        "setup-commands": "setup_commands.SetupCommands",
        "star": "star.Star",
        "unstar": "star.Unstar",
        "starred": "star.Starred",
        "whoami": "whoami.WhoAmI",
        "users": "account.Users",
        "orgs": "account.Orgs",
        "repos": "account.Repos",
        "integrations": "account.Integrations",
        "help": "help.Help",
    }
)
"""The module below `bot.commands`, and the class."""


FIX_CHECKS = "fix-checks"
"""The bot's own command: nobody can give it."""

_OWN = MappingProxyType({FIX_CHECKS: "fix_checks.FixChecks"})


class _Commands(Mapping[str, type[Command]]):
    def __getitem__(self, name: str) -> type[Command]:
        return _load(_CLASSES[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)

    def __contains__(self, name: object) -> bool:
        return name in _CLASSES


COMMANDS: Mapping[str, type[Command]] = _Commands()


def command_class(name: str) -> type[Command] | None:
    """A command's class, also of one that is the bot's own; None if there is no such command."""
    path = _CLASSES.get(name) or _OWN.get(name)
    return None if path is None else _load(path)


@cache
def _load(path: str) -> type[Command]:
    module, _, name = path.partition(".")
    found: type[Command] = getattr(import_module(f"bot.commands.{module}"), name)
    return found


def sets_latest(name: str) -> bool:
    """Whether the runs of this command become the thread's latest. False for a name that is no command."""
    known = command_class(name)
    return known is not None and known.USAGE.sets_latest
