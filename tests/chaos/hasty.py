"""``python -m tests.chaos.hasty [recovering]``: the server as `codegen-bot serve` starts it, in more of a hurry.

The real one leaves a second between two writes and looks at runs every few seconds: of a story with hundreds of kills
nobody would see the end.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from bot import log
from bot.app.clients import Pace
from bot.app.server import serving
from bot.cli.process import run_until_stopped, server_settings

PACE = Pace(
    shortest=0.1,
    longest=0.3,
    write_gap=0.0,
    write_windows=(),
    polling_interval=0.1,
    grace=0.5,
    again=0.5,
    drain=2.0,
    codegen_windows={},
    missed_every=None,
)
RECOVERING = replace(PACE, missed_first=0.0, missed_every=1.0)
"""It looks for what it has missed; otherwise the tests do."""


def main() -> None:
    settings = server_settings()
    log.configure(level=settings.log_level, log_format=settings.log_format)

    pace = RECOVERING if "recovering" in sys.argv else PACE

    async def until_stopped(stop: asyncio.Event) -> None:
        async with serving(settings, pace=pace):
            await stop.wait()

    run_until_stopped(until_stopped)


if __name__ == "__main__":
    main()
