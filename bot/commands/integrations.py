"""``integrations``: the services connected to the Codegen organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.no_args import NoArgsCommand
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Integrations(NoArgsCommand):
    """Show the organization's integrations."""

    USAGE: ClassVar[Usage] = Usage(
        name="integrations",
        summary="Shows what the Codegen organization is connected to.",
        form="integrations",
        example="integrations",
        permission="write",
        only_shows=True,
    )
