"""``whoami``: the user's permission here, and what it allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.no_args import NoArgsCommand
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class WhoAmI(NoArgsCommand):
    """Show what the person may do here, and why."""

    USAGE: ClassVar[Usage] = Usage(
        name="whoami",
        summary="Shows what you may do here and why, and whose Codegen token the bot uses.",
        form="whoami",
        example="whoami",
        permission="read",
        only_shows=True,
    )
