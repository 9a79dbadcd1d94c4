"""A process that freezes, is cut off from the database or loses its connections: its work goes on elsewhere, once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from bot.emulator.github.world import Comment
from bot.replies.markers import Stage
from tests.chaos.process import IN_A_HURRY
from tests.several import Several, several_processes

pytest_plugins = ["tests.postgresql"]

ROUNDS = int(os.environ.get("FAILOVER_ROUNDS", "3"))
"""Twenty in `make chaos`."""


@pytest.fixture
async def several(postgresql_url: str) -> AsyncIterator[Several]:
    async with several_processes(postgresql_url) as several:
        yield several


class Link:
    """A way to the database that can be cut: what is sent then waits, and no connection ends."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        self._socket = Path(str(url.query["host"])) / ".s.PGSQL.5432"
        self._database = url.database
        self._open = asyncio.Event()
        self._open.set()
        self._passing: set[asyncio.Task[None]] = set()
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Link]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{port}/{self._database}"
        try:
            yield self
        finally:
            server.close()
            for task in self._passing:
                task.cancel()
            await asyncio.gather(*self._passing, return_exceptions=True)

    def cut(self) -> None:
        self._open.clear()

    def heal(self) -> None:
        self._open.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(str(self._socket))
        for source, target in ((reader, ours), (theirs, writer)):
            task = asyncio.create_task(self._pass(source, target))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._open.wait()
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()


def reactions(commands: list[Comment]) -> set[tuple[str, ...]]:
    return {tuple(reaction.content for reaction in comment.reactions) for comment in commands}


async def all_answered(several: Several, commands: list[Comment]) -> None:
    """Each command has one run, one reply and its reactions."""
    for run in several.codegen.runs:
        several.codegen.finish(run)
    await several.github.until(lambda: several.stages() == {Stage.FINISHED: len(commands)}, seconds=60)
    await several.github.until(lambda: reactions(commands) == {("eyes", "rocket")}, seconds=30)
    assert len(several.codegen.runs) == len(commands)


def ask(several: Several, count: int) -> list[Comment]:
    return [several.github.comment("bob", 1, f"/codegen run fix number {number}") for number in range(count)]


async def test_a_frozen_process_is_replaced_and_ends_when_thawed(several: Several) -> None:
    first, _ = await several.start(2, module=IN_A_HURRY)
    commands = ask(several, 4)
    await several.codegen.run_created(4)
    several.freeze(first)
    await all_answered(several, commands)

    before = [comment.body for comment in several.github.comments(1)]
    several.github.control.journal.clear()
    assert await several.thaw(first) == 0
    assert [comment.body for comment in several.github.comments(1)] == before
    assert reactions(commands) == {("eyes", "rocket")}
    assert len(several.codegen.runs) == 4


async def test_a_process_cut_off_from_the_database_is_replaced(several: Several, postgresql_url: str) -> None:
    async with Link(postgresql_url).serving() as link:
        (cut_off,) = await several.start(1, module=IN_A_HURRY, database_url=link.url)
        commands = ask(several, 3)
        await several.codegen.run_created(3)
        await several.start(1, module=IN_A_HURRY)
        several.balancer.behind.remove(cut_off)
        link.cut()
        await all_answered(several, commands)

        before = [comment.body for comment in several.github.comments(1)]
        link.heal()
        async with asyncio.timeout(60):
            assert await several.processes[cut_off].wait() == 0
        assert [comment.body for comment in several.github.comments(1)] == before
        assert len(several.codegen.runs) == 3


async def test_lost_connections_while_another_starts_strand_nothing(several: Several, postgresql_url: str) -> None:
    """Each round all processes lose their connections while one more starts, which is then killed with its work."""
    await several.start(2, module=IN_A_HURRY)
    commands: list[Comment] = []
    for _ in range(ROUNDS):
        starting = asyncio.create_task(several.start(1, module=IN_A_HURRY))
        await asyncio.to_thread(end_connections, postgresql_url)
        (third,) = await starting
        commands += ask(several, 3)
        await several.codegen.run_created(len(commands))
        await several.kill(third)
    await all_answered(several, commands)
    assert await asyncio.to_thread(unfinished, postgresql_url) == []


def end_connections(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def unfinished(database_url: str) -> list[str]:
    """The workflows that nobody has finished."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT workflow_uuid FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')"
        )
        return [row[0] for row in rows]
