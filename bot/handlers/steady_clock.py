"""Durations that hold where somebody sets the machine's clock.

Linux counts seconds from the machine's start, sleep included, for all its processes: so a command that another process
began an hour ago has taken an hour, whatever the clock said then. Elsewhere this holds within a process, and across two
of them the time of day has to do.
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
    """A moment.

    :param boot: of the clock that counts: the same for as long as the machine runs
    :param seconds: since that clock began
    """

    boot: str
    seconds: float


class SteadyClock:
    """A clock that nobody sets.

    :param boot: tells it from all other clocks
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
        """Seconds; None where another clock counted then."""
        if moment is None or moment.boot != self._boot:
            return None
        return max(self.seconds() - moment.seconds, 0.0)
