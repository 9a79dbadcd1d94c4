"""``remove``: takes Codegen off a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.of_run import OfRun
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Remove(OfRun):
    """Take Codegen off the pull request."""

    USAGE: ClassVar[Usage] = Usage(
        name="remove",
        summary="Takes Codegen off this pull request and stops its agents on it.",
        form="remove [RUN]",
        example="remove",
        permission="write",
    )
