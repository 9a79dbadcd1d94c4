"""``close``, ``reopen``, ``draft`` and ``ready``: the state of a run's pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.of_run import OfRun
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Close(OfRun):
    """Close the run's pull request."""

    USAGE: ClassVar[Usage] = Usage(
        name="close",
        summary="Closes a run's pull request; without a number, that of this thread's latest run.",
        form="close [RUN]",
        example="close 7",
        permission="write",
    )


@dataclass(frozen=True, slots=True)
class Reopen(OfRun):
    """Open the run's pull request again."""

    USAGE: ClassVar[Usage] = Usage(
        name="reopen",
        summary="Opens a run's closed pull request again.",
        form="reopen [RUN]",
        example="reopen 7",
        permission="write",
    )


@dataclass(frozen=True, slots=True)
class Draft(OfRun):
    """Make the run's pull request a draft."""

    USAGE: ClassVar[Usage] = Usage(
        name="draft",
        summary="Makes a run's pull request a draft.",
        form="draft [RUN]",
        example="draft 7",
        permission="write",
    )


@dataclass(frozen=True, slots=True)
class Ready(OfRun):
    """Mark the run's pull request as ready for review."""

    USAGE: ClassVar[Usage] = Usage(
        name="ready",
        summary="Marks a run's pull request as ready for review.",
        form="ready [RUN]",
        example="ready 7",
        permission="write",
    )


EditPullRequest = Close | Reopen | Draft | Ready
