"""A watcher that takes one step at a time, and the requests that it sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.emulators.codegen import CodegenEmulator
from tests.harness import TIMEOUT
from tests.harness.clock import Clock


@dataclass
class Step:
    """A sleep that ends when the test says so: the watcher takes one step at a time."""

    clock: Clock
    _sleeper: asyncio.Future[None] | None = None
    _asleep: asyncio.Event = field(default_factory=asyncio.Event)

    async def sleep(self, seconds: float) -> None:
        self._sleeper = asyncio.get_running_loop().create_future()
        self._asleep.set()
        await self._sleeper
        self.clock.advance(seconds)

    async def asleep(self) -> None:
        """Waits until the watcher has done its step."""
        async with asyncio.timeout(TIMEOUT):
            await self._asleep.wait()

    async def next(self) -> None:
        await self.asleep()
        self._asleep.clear()
        assert self._sleeper is not None
        self._sleeper.set_result(None)


def requests_of(emulator: CodegenEmulator) -> list[str]:
    """What was read since the last call: lists by their position, runs by their number."""
    seen = [
        f"from {entry.query['skip']}" if entry.path.endswith("/runs") else entry.path.rpartition("/")[2]
        for entry in emulator.control.journal
    ]
    emulator.control.journal.clear()
    return seen


def begin(emulator: CodegenEmulator, count: int) -> None:
    """Starts runs that move by hand only."""
    emulator.script(run_seconds=None, times=count)
    for _ in range(count):
        emulator.start_elsewhere("Hello")


def watching() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "run-watcher"]
