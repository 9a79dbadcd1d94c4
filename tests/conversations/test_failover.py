"""A process that freezes, is cut off from the database or loses its connections: its work goes on elsewhere, once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from bot.emulators.github.model import Comment
from tests.chaos.process import FAST_SERVER
from tests.harness.connections import Link, all_finished, end_connections
from tests.harness.replicas import Place, Several, reactions, several_processes

ROUNDS = int(os.environ.get("FAILOVER_ROUNDS", "2"))
"""Twenty in `make chaos`."""


@pytest.fixture
async def several(postgresql_url: str) -> AsyncIterator[Several]:
    async with several_processes(postgresql_url) as several:
        yield several


async def test_frozen_process_is_replaced_and_ends_when_thawed(several: Several) -> None:
    first, _ = await several.start(2, module=FAST_SERVER)
    commands = several.ask(4)
    await several.runs_started(4)
    several.freeze(first)
    await several.all_answered(commands)

    before = [comment.body for comment in several.github.comments(1)]
    several.github.control.journal.clear()
    assert await several.thaw(first) == 0
    assert [comment.body for comment in several.github.comments(1)] == before
    assert reactions(commands) == {("eyes", "rocket")}
    assert len(several.codegen.runs) == 4


async def test_process_cut_off_from_the_database_is_replaced(several: Several, postgresql_url: str) -> None:
    async with Link(postgresql_url).serving() as link:
        (cut_off,) = await several.start(1, module=FAST_SERVER, place=Place(link.url))
        commands = several.ask(3)
        await several.runs_started(3)
        await several.start(1, module=FAST_SERVER)
        several.balancer.behind.remove(cut_off)
        link.cut()
        await several.all_answered(commands)

        before = [comment.body for comment in several.github.comments(1)]
        link.heal()
        assert await several.ended(cut_off) == 0
        assert [comment.body for comment in several.github.comments(1)] == before
        assert len(several.codegen.runs) == 3


async def test_process_cut_off_from_the_database_sends_nothing(several: Several, postgresql_url: str) -> None:
    """It still reaches Codegen, and would start its run once more after its successor has."""
    async with Link(postgresql_url).serving() as link:
        (cut_off,) = await several.start(1, module=FAST_SERVER, place=Place(link.url))
        (second,) = await several.start(1, module=FAST_SERVER)
        several.balancer.behind.remove(second)
        several.codegen.control.fault(
            path="/agent/run$", method="POST", action="status", status=429, headers={"retry-after": "8"}
        )
        commands = several.ask(1)
        await several.until_logged("codegen.retry")
        link.cut()
        await several.replaced(cut_off)
        await several.all_answered(commands)
        # What it sends without the fence comes by now. Were this too short, the test would pass and not fail.
        await asyncio.sleep(3)
        starts = [entry for entry in several.codegen.control.journal if entry.path.endswith("/agent/run")]
        assert [entry.status for entry in starts] == [429, 200]
        link.heal()
        assert await several.ended(cut_off) == 0
        assert len(several.codegen.runs) == 1


async def test_lost_connections_while_another_starts_strand_nothing(several: Several, postgresql_url: str) -> None:
    """Each round all processes lose their connections while one more starts, which is then killed with its work."""
    await several.start(2, module=FAST_SERVER)
    commands: list[Comment] = []
    for _ in range(ROUNDS):
        starting = asyncio.create_task(several.start(1, module=FAST_SERVER))
        await asyncio.to_thread(end_connections, postgresql_url)
        (third,) = await starting
        commands += several.ask(3)
        await several.runs_started(len(commands))
        await several.kill(third)
    await several.all_answered(commands)
    await all_finished(postgresql_url)
