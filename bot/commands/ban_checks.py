"""``ban-checks`` and ``unban-checks``: whether Codegen reacts to the checks of a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.of_run import OfRun
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class BanChecks(OfRun):
    """Stop Codegen from reacting to the checks."""

    USAGE: ClassVar[Usage] = Usage(
        name="ban-checks",
        summary="Stops Codegen from reacting to this pull request's checks, and its agents on it.",
        form="ban-checks [RUN]",
        example="ban-checks",
        permission="write",
    )


@dataclass(frozen=True, slots=True)
class UnbanChecks(OfRun):
    """Let Codegen react to the checks again."""

    USAGE: ClassVar[Usage] = Usage(
        name="unban-checks",
        summary="Lets Codegen react to this pull request's checks again.",
        form="unban-checks [RUN]",
        example="unban-checks",
        permission="write",
    )
