"""``python -m tests.chaos.hasty [recovering|holding]``: the server as `codegen-bot serve` starts it, in more of a hurry.

The real one leaves a second between two writes and looks at runs every few seconds: of a story with hundreds of kills
nobody would see the end.
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
from bot.handlers.context import CommandContext
from bot.handlers.execute import execute
from bot.handlers.invocation import CommandInvocation
from bot.replies.reply import Reply

PACE = Timing(
    shortest=0.1,
    longest=0.3,
    write_gap=0.0,
    write_windows=(),
    polling_interval=0.1,
    heartbeat=0.5,
    lease=5.0,
    again=0.5,
    drain=2.0,
    loop_held=0.5,
    codegen_windows={},
    missed_every=None,
)
RECOVERING = replace(PACE, missed_first=0.0, missed_every=1.0)
"""It looks for what it has missed; otherwise the tests do."""


HOLD = "hold the event loop"
STUCK = 70
"""The exit status where that lasts."""


async def holding(invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    """Whoever asks for it stops the whole process: what searches holds the interpreter's lock, for longer than a life."""
    if HOLD in getattr(invocation.command, "prompt", ""):
        re.search("(a|a)+b", "a" * 80)
    return await execute(invocation, ctx)


def main() -> None:
    settings = server_settings()
    log.configure(level=settings.log_level, log_format=settings.log_format)

    timing = RECOVERING if "recovering" in sys.argv else PACE

    async def until_stopped(stop: asyncio.Event) -> None:
        done = holding if "holding" in sys.argv else execute
        async with serving(settings, timing=timing, execute=done, stuck=partial(os._exit, STUCK), lost=stop.set):
            await stop.wait()

    run_until_stopped(until_stopped)


if __name__ == "__main__":
    main()
