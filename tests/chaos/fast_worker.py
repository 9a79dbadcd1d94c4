"""``python -m tests.chaos.fast_worker``: `codegen-bot agents worker` with a short lease and without GitHub's pauses."""

from __future__ import annotations

import asyncio

from bot import log
from bot.app.agent_worker import working_alone
from bot.app.clients import Timing
from bot.cli.process import own_agents, run_until_stopped
from bot.settings.loading import load_agent_settings

FAST = Timing(write_gap=0.0, write_windows=(), polling_interval=0.1, heartbeat=0.5, lease=5.0)


def main() -> None:
    settings = load_agent_settings()
    config = own_agents(settings)
    log.configure(level=settings.log_level, log_format=settings.log_format)

    async def until_stopped(stop: asyncio.Event) -> None:
        async with working_alone(settings, config, timing=FAST):
            await stop.wait()

    run_until_stopped(until_stopped)


if __name__ == "__main__":
    main()
