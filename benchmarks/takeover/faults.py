"""Faults of a process: it is killed, frozen, or cut off from the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.takeover.namespace import DATABASE, INSIDE, PROCESS, Cable
from tests.harness.connections import Link
from tests.harness.postgresql import Server
from tests.harness.replicas import Place, Several


class Fault:
    """Base class of the faults.

    :param server: of the database
    """

    name: str
    how: str

    def __init__(self, server: Server) -> None:
        self.server = server

    @asynccontextmanager
    async def place(self, database: str) -> AsyncIterator[Place]:
        """Where the process has to run for this fault."""
        yield Place(self.server.url(database))

    async def strike(self, several: Several, url: str) -> None:
        """Applies the fault to a process."""

    async def undo(self, several: Several, url: str) -> None:
        """Lets the process continue, and waits for its end."""


class Kill(Fault):
    name, how = "kill", "kill -9"

    async def strike(self, several: Several, url: str) -> None:
        await several.kill(url)


class Freeze(Fault):
    name, how = "freeze", "SIGSTOP"

    async def strike(self, several: Several, url: str) -> None:
        several.freeze(url)

    async def undo(self, several: Several, url: str) -> None:
        await several.thaw(url)


class CutCable(Fault):
    """In a network namespace."""

    name, how = "cut", "network namespace cut off from the database"

    def __init__(self, server: Server, cable: Cable) -> None:
        super().__init__(server)
        self._cable = cable

    @asynccontextmanager
    async def place(self, database: str) -> AsyncIterator[Place]:
        url = f"postgresql://postgres@{DATABASE}:5432/{database}"
        yield Place(url, host=PROCESS, inside=INSIDE)

    async def strike(self, several: Several, url: str) -> None:
        several.balancer.behind.remove(url)
        await asyncio.to_thread(self._cable.cut)

    async def undo(self, several: Several, url: str) -> None:
        await asyncio.to_thread(self._cable.heal)
        await several.ended(url)


class CutLink(Fault):
    """By a proxy that drops all traffic, where there is no namespace."""

    name, how = "cut", "proxy to the database that passes nothing on"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._link: Link

    @asynccontextmanager
    async def place(self, database: str) -> AsyncIterator[Place]:
        async with Link(self.server.url(database)).serving() as self._link:
            yield Place(self._link.url)

    async def strike(self, several: Several, url: str) -> None:
        several.balancer.behind.remove(url)
        self._link.cut()

    async def undo(self, several: Several, url: str) -> None:
        self._link.heal()
        await several.ended(url)
