"""``orgs``: the Codegen organizations that the bot's token can access."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.no_args import NoArgsCommand
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Orgs(NoArgsCommand):
    """Show the organizations."""

    USAGE: ClassVar[Usage] = Usage(
        name="orgs",
        summary="Shows the Codegen organizations that the bot's token sees.",
        form="orgs",
        example="orgs",
        permission="write",
        only_shows=True,
    )
