"""Fetches of a config that end after whoever waited for them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from bot.execution.config_loader import ConfigLoader


class ClosedStore:
    """A store whose thread pool is shut down before it can answer."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.is_closed = asyncio.Event()

    async def find(self, sources: Collection[str]) -> Mapping[str, str | None]:
        self.is_asked.set()
        await self.is_closed.wait()
        raise RuntimeError("cannot schedule new futures after shutdown")

    async def keep(self, source: str, text: str | None, *, at: datetime) -> None:
        raise AssertionError


async def test_error_that_nobody_waits_for_is_not_reported() -> None:
    """As when the server stops: asyncio would log it as an error of the bot's."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    github: Any = None
    store = ClosedStore()
    loader = ConfigLoader(github, store, usual_prefix="/codegen")
    waiting = asyncio.create_task(loader.load("octo/shop"))
    await store.is_asked.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    store.is_closed.set()
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - nobody waits for the fetch
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    # Its traceback refers to the fetch.
    del waiting
    gc.collect()

    assert reported == []
