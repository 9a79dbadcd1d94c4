"""What a story's calls return is written down once and read back ever after.

A story that a crash cut off is told again from its start; a call that has been written down is then not made again.
Only calls that return something are recorded: one that returns nothing (an edit, a reaction) can be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter

from bot import log
from bot.errors import BotError, from_json, to_json

T = TypeVar("T")

_log = log.get(__name__)


class StepStore(Protocol):
    """Runs `work` under a name, or gives back what it returned before under the same name and place in the story.

    :param rests: whether `work` is mostly waiting for others, so that somebody else's turn may come
    """

    async def __call__(
        self, name: str, work: Callable[[], Awaitable[dict[str, Any]]], *, rests: bool
    ) -> dict[str, Any]: ...


async def no_step_store(
    name: str,  # noqa: ARG001 - nothing is found again by it
    work: Callable[[], Awaitable[dict[str, Any]]],
    *,
    rests: bool,  # noqa: ARG001 - nobody waits for a turn
) -> dict[str, Any]:
    """For doors whose stories end with their process."""
    return await work()


class StepRecorder:
    """Turns what calls return, or the error they raise, into plain JSON and back."""

    def __init__(self, memory: StepStore) -> None:
        self._memory = memory

    async def __call__(
        self, name: str, kind: TypeAdapter[T], work: Callable[[], Awaitable[T]], *, rests: bool = False
    ) -> T:
        """:raises BotError: what `work` raised, now or before the crash."""

        async def written() -> dict[str, Any]:
            try:
                return {"value": json.loads(kind.dump_json(await work()))}
            except BotError as error:
                return {"error": to_json(error)}
            except Exception as error:  # noqa: BLE001 - logged, and told to whoever waits for the answer
                # Our own fault; its class may not survive being written down, and the story must go on to its answer.
                _log.exception("step.failed", step=name)
                return {"error": to_json(BotError(f"{type(error).__name__} in {name}"))}

        document = await self._memory(name, written, rests=rests)
        if "error" in document:
            raise from_json(document["error"])
        return kind.validate_json(json.dumps(document["value"]))
