"""Processes of two workflow versions on one database, one replaced by the other: each command is answered once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.chaos import COMMANDS
from tests.chaos.process import FAST_SERVER, NEXT_VERSION
from tests.harness.connections import all_finished
from tests.harness.replicas import Several, several_processes


@pytest.fixture
async def several(postgresql_url: str) -> AsyncIterator[Several]:
    async with several_processes(postgresql_url) as several:
        yield several


async def test_processes_are_replaced_by_the_next_version(several: Several, postgresql_url: str) -> None:
    """One after the other is stopped, while users give further commands."""
    old = await several.start(2, module=FAST_SERVER)
    commands = several.ask(COMMANDS)
    await several.runs_started(COMMANDS)
    for number, url in enumerate(old, start=1):
        await several.start(1, module=NEXT_VERSION)
        # Some are at the start, some wait for their run's end, and some have just seen it.
        commands += several.ask(2)
        for run in range(number, COMMANDS, 4):
            several.codegen.finish(run)
        await several.stop(url)
    await several.runs_started(len(commands))
    await several.all_answered(commands)
    await all_finished(postgresql_url)


async def test_two_versions_recover_each_others_commands(several: Several, postgresql_url: str) -> None:
    """Both run; each is killed in turn, so that the work passes to the next version and back."""
    (this,) = await several.start(1, module=FAST_SERVER)
    (following,) = await several.start(1, module=NEXT_VERSION)
    commands = several.ask(COMMANDS)
    await several.runs_started(COMMANDS)
    # A run may start before the response to its delivery has arrived.
    await several.github.idle()
    assert all(several.balancer.taken[url] for url in (this, following))
    await several.kill(this)
    await several.replaced(this)
    await several.start(1, module=FAST_SERVER)
    await several.kill(following)
    await several.all_answered(commands)
    await all_finished(postgresql_url)
