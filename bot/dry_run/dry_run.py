"""One dry run: both invented worlds, and a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.dry_run.codegen import DryCodegen
from bot.dry_run.github import DryGitHub
from bot.dry_run.known import Known
from bot.dry_run.recorder import Narrator
from bot.handlers.invocation import CommandInvocation
from bot.handlers.steady_clock import SteadyClock


class DryRun:
    """Takes the place of both outside worlds.

    :param told: hears of every call that would be made
    :param secrets: what is never shown, wherever it stands
    """

    def __init__(self, told: Callable[[str], None], *, secrets: Sequence[str], now: Callable[[], datetime]) -> None:
        self._now = now
        self._slept = timedelta()
        self._known = Known()
        teller = Narrator(told, secrets=secrets)
        self.codegen = DryCodegen(teller, self._known, now=self.now)
        self.github = DryGitHub(teller, self._known, now=self.now)

    def begins(self, invocation: CommandInvocation) -> None:
        """An order is carried out next: what it says need not be invented."""
        self._known.begins(invocation)

    def now(self) -> datetime:
        """What is slept has passed."""
        return self._now() + self._slept

    @property
    def clock(self) -> SteadyClock:
        """The same for durations."""
        return SteadyClock("dry-run", lambda: time.monotonic() + self._slept.total_seconds())

    async def sleep(self, seconds: float) -> None:
        """In no time."""
        self._slept += timedelta(seconds=seconds)
        await asyncio.sleep(0)
