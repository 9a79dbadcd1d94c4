"""The time of the running loop, which can be moved on: timeouts and timers that are due then go off."""

from __future__ import annotations

import asyncio


class LoopClock:
    """Whatever takes long in truth, and however busy the machine is, a timeout goes off when a test says so."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._real = self._loop.time
        self._passed = 0.0
        self._loop.time = self._now  # type: ignore[method-assign]

    def passes(self, seconds: float) -> None:
        self._passed += seconds

    def _now(self) -> float:
        return self._real() + self._passed
