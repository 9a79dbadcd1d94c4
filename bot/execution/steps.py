"""Durable steps, and a clock that does not jump when the workflow is replayed."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import ConfigDict, TypeAdapter

from bot import log
from bot.errors import BotError, from_json, to_json

_log = log.get(__name__)

T = TypeVar("T")

DEFERRED = ConfigDict(defer_build=True)
"""Of the adapters of steps' results: each is built when a command takes its step."""


class StepStore(Protocol):
    """Runs `work` under a name, or returns the recorded result of the same name and position in the workflow.

    :param is_waiting: whether `work` mostly waits, so that another command may use the slot
    """

    async def __call__(
        self, name: str, work: Callable[[], Awaitable[dict[str, Any]]], *, is_waiting: bool
    ) -> dict[str, Any]: ...


async def no_step_store(
    name: str,  # noqa: ARG001 - nothing is recorded
    work: Callable[[], Awaitable[dict[str, Any]]],
    *,
    is_waiting: bool,  # noqa: ARG001 - there are no slots
) -> dict[str, Any]:
    """For entry points whose workflows end with their process."""
    return await work()


class StepRecorder:
    """Converts what calls return, or the error they raise, to plain JSON and back."""

    def __init__(self, store: StepStore) -> None:
        self._store = store

    async def __call__(
        self, name: str, kind: TypeAdapter[T], work: Callable[[], Awaitable[T]], *, is_waiting: bool = False
    ) -> T:
        """:raises BotError: what `work` raised, now or before the crash"""

        async def written() -> dict[str, Any]:
            try:
                return {"value": json.loads(kind.dump_json(await work()))}
            except BotError as error:
                return {"error": to_json(error)}
            except Exception as error:  # noqa: BLE001 - logged, and reported in the reply
                # Our own bug; its class may not be serializable, and the workflow must go on to its answer.
                _log.exception("step.failed", step=name)
                return {"error": to_json(BotError(f"{type(error).__name__} in {name}"))}

        document = await self._store(name, written, is_waiting=is_waiting)
        if "error" in document:
            raise from_json(document["error"])
        return kind.validate_json(json.dumps(document["value"]))


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
