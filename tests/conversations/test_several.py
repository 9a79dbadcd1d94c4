"""Several processes share one PostgreSQL behind a balancer: they share the work, and finish that of one that is killed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.codegen.polling import DEFAULT_INTERVAL
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
    # A run may start before the response to its delivery has arrived.
    await several.github.idle()
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

    def looks() -> list[float]:
        journal = several.codegen.control.journal
        return [entry.at for entry in journal if entry.path.endswith("/agent/runs")]

    await several.codegen.until(lambda: len(looks()) == 4)
    first, *_, last = looks()
    # One that looks sleeps at least this long in between, however busy the machine is; two would be done in half the time.
    assert last - first >= 3 * DEFAULT_INTERVAL.shortest - 0.1
