"""The demo as `make demo` leaves it, with its two pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.cli.demo import demo


@dataclass(frozen=True, slots=True)
class Demo:
    """The pages' URLs, and a token for the dashboard."""

    dashboard: str
    playground: str
    token: str


@asynccontextmanager
async def the_demo() -> AsyncIterator[Demo]:
    """Yields what it prints."""
    found: dict[str, str] = {}
    is_up = asyncio.Event()

    def say(line: str) -> None:
        for page in ("dashboard", "playground"):
            if address := re.search(rf"(http://[^/]+)/\S* the {page}:", line):
                found[page] = address[1]
        if token := re.search(r"export API=\S+ TOKEN=(\S+)", line):
            found["token"] = token[1]
        if "The conversation is over" in line:
            is_up.set()

    playing = asyncio.create_task(demo.play(say=say, once=False, port=0, api_port=0))
    try:
        async with asyncio.timeout(120):
            await is_up.wait()
        yield Demo(**found)
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
