"""Records the results of a workflow's calls, so that they are made once.

A workflow interrupted by a crash is executed again from its start; recorded calls are then not repeated. Only calls
that return something are recorded: one that returns nothing (an edit, a reaction) can be repeated.
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
    """Runs `work` under a name, or returns the recorded result of the same name and position in the workflow.

    :param rests: whether `work` mostly waits, so that another command may use the slot
    """

    async def __call__(
        self, name: str, work: Callable[[], Awaitable[dict[str, Any]]], *, rests: bool
    ) -> dict[str, Any]: ...


async def no_step_store(
    name: str,  # noqa: ARG001 - nothing is recorded
    work: Callable[[], Awaitable[dict[str, Any]]],
    *,
    rests: bool,  # noqa: ARG001 - there are no slots
) -> dict[str, Any]:
    """For entry points whose workflows end with their process."""
    return await work()


class StepRecorder:
    """Converts what calls return, or the error they raise, to plain JSON and back."""

    def __init__(self, memory: StepStore) -> None:
        self._memory = memory

    async def __call__(
        self, name: str, kind: TypeAdapter[T], work: Callable[[], Awaitable[T]], *, rests: bool = False
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

        document = await self._memory(name, written, rests=rests)
        if "error" in document:
            raise from_json(document["error"])
        return kind.validate_json(json.dumps(document["value"]))
