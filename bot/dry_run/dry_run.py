"""A dry run: both fake services, and a clock that advances without waiting."""

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
    """Replaces GitHub and Codegen.

    :param told: called with every call that would be made
    :param secrets: texts that are never shown
    """

    def __init__(self, told: Callable[[str], None], *, secrets: Sequence[str], now: Callable[[], datetime]) -> None:
        self._now = now
        self._slept = timedelta()
        self._known = Known()
        teller = Narrator(told, secrets=secrets)
        self.codegen = DryCodegen(teller, self._known, now=self.now)
        self.github = DryGitHub(teller, self._known, now=self.now)

    def begins(self, invocation: CommandInvocation) -> None:
        """Called before an invocation is executed: its details need not be invented."""
        self._known.begins(invocation)

    def now(self) -> datetime:
        """The time, advanced by all sleeps."""
        return self._now() + self._slept

    @property
    def clock(self) -> SteadyClock:
        """The same as a monotonic clock."""
        return SteadyClock("dry-run", lambda: time.monotonic() + self._slept.total_seconds())

    async def sleep(self, seconds: float) -> None:
        """Advances the clock without waiting."""
        self._slept += timedelta(seconds=seconds)
        await asyncio.sleep(0)
