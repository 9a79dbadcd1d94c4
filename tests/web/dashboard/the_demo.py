"""The demo as somebody has it who typed `make demo`: after its story, with its two pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.demo import demo


@asynccontextmanager
async def the_demo() -> AsyncIterator[tuple[str, str]]:
    """After its story. Gives the addresses of the dashboard and of the playground, as it prints them."""
    found: dict[str, str] = {}
    stop, is_up = asyncio.Event(), asyncio.Event()

    def say(line: str) -> None:
        for page in ("dashboard", "playground"):
            if address := re.search(rf"(http\S+?)/ the {page}:", line):
                found[page] = address[1]
        if len(found) == 2:
            is_up.set()

    async with asyncio.timeout(120):
        playing = asyncio.create_task(demo.play(say=say, once=False, port=0, run_seconds=0.5, stop=stop, api_port=0))
        try:
            await is_up.wait()
            yield found["dashboard"], found["playground"]
        finally:
            stop.set()
            await playing
