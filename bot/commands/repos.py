"""``repos``: the repositories that Codegen has access to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.no_args import NoArgsCommand
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Repos(NoArgsCommand):
    """Show the organization's repositories."""

    USAGE: ClassVar[Usage] = Usage(
        name="repos",
        summary="Shows the repositories that Codegen knows, with the numbers that `--repo-id` takes.",
        form="repos",
        example="repos",
        permission="write",
        only_shows=True,
    )
