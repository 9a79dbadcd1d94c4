"""``python -m tests.chaos.fast_server [recovering|holding]``: `codegen-bot serve` with short intervals.

The real one leaves a second between two writes and polls runs every few seconds: a test with hundreds of kills would take
hours.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import replace
from functools import partial

from bot import log
from bot.app.clients import Timing
from bot.app.server import serving
from bot.cli.process import run_until_stopped, server_settings
from bot.codegen.polling import PollInterval
from bot.execution.context import CommandContext
from bot.execution.execute import execute
from bot.execution.reply import Reply

FAST = Timing(
    run_poll_interval=PollInterval(0.1, 0.3),
    write_gap=0.0,
    write_windows=(),
    polling_interval=0.1,
    heartbeat=0.5,
    lease=5.0,
    retry_delay=0.5,
    drain=2.0,
    loop_blocked=0.5,
    codegen_windows={},
    missed_every=None,
)
RECOVERING = replace(FAST, missed_first=0.0, missed_every=1.0)
"""Searches for missed deliveries; otherwise the tests redeliver them."""


HOLD = "hold the event loop"
STUCK = 70
"""The exit status if the loop stays blocked."""


async def holding(ctx: CommandContext) -> Reply:
    """A command with this prompt blocks the process: the search holds the interpreter's lock for hours."""
    if HOLD in getattr(ctx.invocation.command, "prompt", ""):
        re.search("(a|a)+b", "a" * 80)
    return await execute(ctx)


def main() -> None:
    settings = server_settings()
    log.configure(level=settings.log_level, log_format=settings.log_format)

    timing = RECOVERING if "recovering" in sys.argv else FAST

    async def until_stopped(stop: asyncio.Event) -> None:
        done = holding if "holding" in sys.argv else execute
        async with serving(settings, timing=timing, execute=done, on_stuck=partial(os._exit, STUCK), replaced=stop):
            await stop.wait()

    run_until_stopped(until_stopped)


if __name__ == "__main__":
    main()
