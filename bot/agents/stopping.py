"""When a turn must end although its agent goes on: cancelled, silent, too long, too much output."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.agents.agent_turn import AgentTurn
from bot.agents.outcome import LAST_WORDS_BYTES, Stop

PATIENCE = 3
"""How many times longer an agent may be silent while a command of its own runs, such as a long test suite."""

LOOK_SECONDS = 5.0


async def wait_for_stop(
    work: asyncio.Task[Any],
    turn: AgentTurn,
    *,
    cancel: asyncio.Event,
    last_output: Callable[[], float],
    is_flooded: Callable[[], bool],
    is_working: Callable[[], bool],
    last_progress: Callable[[], float],
) -> Stop | None:
    """Waits until the work is done, then returns None, or until it must be stopped, then returns why.

    :param last_output: when the agent last wrote, on the loop's clock
    :param last_progress: when it last wrote something of its model's, likewise
    :param is_working: whether the agent waits for a command of its own, not for its model
    """
    loop = asyncio.get_running_loop()
    overdue_at = loop.time() + turn.total
    cancelled = asyncio.create_task(cancel.wait())

    def silent_at() -> float:
        if is_working():
            return last_output() + turn.silence * PATIENCE
        status = turn.model_status()
        if status is None or status < 400:
            return last_output() + turn.silence
        return min(last_output() + turn.silence, last_progress() + turn.fault)

    try:
        while True:
            timeout = max(0.0, min(overdue_at, silent_at(), loop.time() + LOOK_SECONDS) - loop.time())
            await asyncio.wait({work, cancelled}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if cancelled.done():
                return Stop.CANCELLED
            if is_flooded():
                return Stop.FLOODED
            if work.done():
                return None
            if loop.time() >= overdue_at:
                return Stop.OVERDUE
            if loop.time() >= silent_at():
                return Stop.SILENT
    finally:
        cancelled.cancel()


def read_end(path: Path) -> bytes:
    """The last bytes of a file that the bot created; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
            return file.read(LAST_WORDS_BYTES)
    except OSError:
        return b""
