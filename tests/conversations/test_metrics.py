"""What `/metrics` tells while the bot works."""

from __future__ import annotations

import asyncio
import math

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import __version__
from bot.text.markers import Stage
from tests.harness import TIMEOUT
from tests.harness.world import World

Samples = dict[tuple[str, tuple[str, ...]], float]

pytestmark = pytest.mark.server_only(reason="a job has no metrics")


async def measured(world: World) -> Samples:
    """Every sample, by name and the values of its labels in the order of their names."""
    async with aiohttp.ClientSession() as session, session.get(f"{world.url}/metrics") as answer:
        text = await answer.text()
    return {
        (sample.name, tuple(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def until(world: World, name: str, value: float) -> Samples:
    """Waits until a sample has this value, and all samples have one: the queue has none if it is not counted in time."""
    async with asyncio.timeout(TIMEOUT):
        while (samples := await measured(world))[name, ()] != value or any(map(math.isnan, samples.values())):
            pass
    return samples


async def test_run_shows_at_work_and_when_it_is_done(world: World) -> None:
    await world.comment("alice", "/codegen run fix the flaky test")
    await world.reply(Stage.STARTED)
    # The reply says that it has begun a moment before the run is waited for.
    working = await until(world, "codegen_bot_runs_watched", 1)
    assert working["codegen_bot_commands_in_progress", ()] == 1
    # That it has been begun may not have been written down yet.
    assert working["codegen_bot_queue_depth", ()] in {0, 1}
    assert 0 <= working["codegen_bot_queue_oldest_seconds", ()] < 10
    assert 0 <= working["codegen_bot_watcher_lag_seconds", ()] < 10

    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    await world.until_done(1)

    done = await measured(world)
    assert done["codegen_bot_deliveries_total", ("issue_comment", "taken")] == 1
    assert done["codegen_bot_commands_taken_total", ("run",)] == 1
    assert done["codegen_bot_commands_done_total", ("run", "finished")] == 1
    assert done["codegen_bot_command_seconds_count", ("run",)] == 1
    assert done["codegen_bot_commands_in_progress", ()] == 0
    assert done["codegen_bot_runs_watched", ()] == 0
    assert done["codegen_bot_watcher_lag_seconds", ()] == 0
    assert done["codegen_bot_upstream_calls_total", ("create_run", "codegen", "200")] == 1
    assert done["codegen_bot_upstream_calls_total", ("comment", "github", "201")] == 1
    assert done["codegen_bot_upstream_call_seconds_count", ("create_run", "codegen")] == 1
    assert done["codegen_bot_build_info", (__version__,)] == 1
    assert done["process_resident_memory_bytes", ()] > 0


async def test_requests_to_the_api_are_counted_by_route(world: World) -> None:
    headers = {"Authorization": "Bearer sk-org1-alice"}
    async with aiohttp.ClientSession() as session:
        for path in ("/organizations/1/agent/run/7", "/organizations/1/agent/run/8", "/nowhere"):
            async with session.get(f"{world.url}{path}", headers=headers) as answer:
                assert answer.status == 404
    counted = {
        labels: value for (name, labels), value in (await measured(world)).items() if "api_requests_total" in name
    }
    assert counted == {("/organizations/{org_id}/agent/run/{agent_run_id}", "GET", "404"): 2}


async def test_open_streams_are_counted(world: World) -> None:
    world.codegen.start_elsewhere("Look around.")
    headers = {"Authorization": "Bearer sk-org1-alice"}
    address = f"{world.url}/organizations/1/agent/run/1/logs/stream"
    async with aiohttp.ClientSession() as session, session.ws_connect(address, headers=headers):
        assert (await measured(world))["codegen_bot_streams_open", ()] == 1
    await until(world, "codegen_bot_streams_open", 0)
