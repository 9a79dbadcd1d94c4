"""Durations that survive changes of the machine's wall clock.

Linux counts seconds since boot, including sleep, for all its processes: a command that another process began an hour
ago has taken an hour, whatever the wall clock said then. Elsewhere this works within a process, and across two of them
the wall clock has to do.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Ticks:
    """A point in time.

    :param boot: identifies the clock: the same until the machine reboots
    :param seconds: since that clock began
    """

    boot: str
    seconds: float


class SteadyClock:
    """A clock that cannot be set.

    :param boot: distinguishes it from all other clocks
    :param seconds: since it began
    """

    def __init__(self, boot: str, seconds: Callable[[], float]) -> None:
        self._boot = boot
        self.seconds = seconds

    @classmethod
    def of_machine(cls) -> SteadyClock:
        if hasattr(time, "CLOCK_BOOTTIME"):
            with suppress(OSError):
                boot = _BOOT_ID.read_text().strip()
                return cls(boot, lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
        return cls(uuid.uuid4().hex, time.monotonic)

    def ticks(self) -> Ticks:
        return Ticks(self._boot, self.seconds())

    def since(self, moment: Ticks | None) -> float | None:
        """Seconds since then; None if that was measured by another clock."""
        if moment is None or moment.boot != self._boot:
            return None
        return max(self.seconds() - moment.seconds, 0.0)
