"""``cancel``: shows what of a run can be stopped. Codegen has no operation that cancels one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.commands.of_run import OfRun
from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Cancel(OfRun):
    """Say whether the run can be stopped, and how. It changes nothing."""

    USAGE: ClassVar[Usage] = Usage(
        name="cancel",
        summary="Says how a run can be stopped; Codegen stops none that has no pull request.",
        form="cancel [RUN]",
        example="cancel 7",
        permission="read",
    )
