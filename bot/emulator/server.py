"""The base of both emulators: an application on a local port, and a way to wait for a state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web


class Changes:
    """Wakes tasks that wait for a state of the world."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def notify(self) -> None:
        """Reports a change."""
        for event in self._waiting:
            event.set()

    async def until(self, predicate: Callable[[], object], *, seconds: float | None = 10.0) -> None:
        """Waits until the predicate holds.

        :raises TimeoutError: after that many seconds; never if None
        """
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                while not predicate():
                    await event.wait()
                    event.clear()
        finally:
            self._waiting.remove(event)


class EmulatorServer:
    """Starts and stops an emulator's application."""

    app: web.Application

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The address, once it is started; without a trailing slash."""
        return self._url

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Starts listening; on a free port if `port` is 0.

        :raises OSError: if the port is taken
        """
        self._runner = web.AppRunner(
            self.app, access_log=None, auto_decompress=False, handle_signals=False, shutdown_timeout=0.5
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
