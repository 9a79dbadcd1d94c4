"""Several processes share one PostgreSQL behind a balancer: they share the work, and finish that of one that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.chaos.process import AS_SERVED, FAST_SERVER
from tests.harness.replicas import Several, several_processes


@pytest.fixture
async def several(postgresql_url: str) -> AsyncIterator[Several]:
    async with several_processes(postgresql_url) as several:
        yield several


@pytest.mark.parametrize(("count", "module"), [(2, FAST_SERVER), (3, AS_SERVED)], ids=["two", "three"])
async def test_others_finish_what_a_killed_one_was_at(several: Several, count: int, module: tuple[str, ...]) -> None:
    """It does not come back. Its runs go on at Codegen; their ends are told by whoever took its commands over."""
    await several.start(count, module=module)
    commands = several.ask(2 * count)
    await several.runs_started(len(commands))
    assert sum(several.balancer.taken.values()) == len(commands)
    assert all(several.balancer.taken[url] for url in several.processes)

    await several.kill(several.balancer.behind[0])
    await several.all_answered(commands)


async def test_one_of_them_watches_all_runs(several: Several) -> None:
    """Two processes ask Codegen as often as one would."""
    await several.start(2)
    several.ask(4)
    await several.runs_started(4)
    several.codegen.control.journal.clear()
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(5)
    looks = sum(entry.path.endswith("/agent/runs") for entry in several.codegen.control.journal)
    seconds = asyncio.get_running_loop().time() - began
    assert 1 <= looks <= seconds / 2 + 1
