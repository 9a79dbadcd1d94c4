"""What the scripts of real agents have in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bot.agents.config import Agent
from bot.agents.preset import Interface
from tests.harness.model_server import Run, Say, Step


def ending(agent: Agent, answer: str) -> Step:
    """mini-swe-agent ends its turn by a command."""
    if agent.preset.interface is Interface.COMMAND:
        return Run(f"echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT; echo '{answer}'")
    return Say(answer)


async def next_minute_for(agent: Agent) -> None:
    """gemini loses a session that is loaded within the clock minute of its creation (findings/)."""
    if agent.name == "gemini":
        minute = time.gmtime().tm_min
        await until(lambda: time.gmtime().tm_min != minute)


async def until(is_so: Callable[[], bool]) -> None:
    """Waits for something that nothing reports."""
    while not is_so():  # noqa: ASYNC110 - neither the agent's processes nor the clock have an event
        await asyncio.sleep(0.05)
