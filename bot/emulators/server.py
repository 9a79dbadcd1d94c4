"""The base of both emulators: an application on a local port, and a way to wait for a state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.emulators.control import Control


class EmulatorServer:
    """An emulator's application, its control, and its changes of state.

    :param reset: restores the initial state
    """

    app: web.Application

    def __init__(self, *, reset: Callable[[], None]) -> None:
        self._runner: web.AppRunner | None = None
        self._waiting: set[asyncio.Event] = set()
        self.url = ""
        """The address, once it is started; without a trailing slash."""
        self.control = Control(reset=reset, changed=self.changed)

    def add_application(self, middleware: Middleware, routes: Iterable[web.RouteDef]) -> None:
        """:param middleware: completes the responses"""
        self.app = web.Application(middlewares=[self.control.middleware, middleware])
        self.app.add_routes([*self.control.routes(), *routes])

    def changed(self) -> None:
        """Wakes what waits for a state."""
        for event in self._waiting:
            event.set()

    async def until(self, predicate: Callable[[], object], *, seconds: float | None = 240.0) -> None:
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
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"

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
