"""Money: what runs of agents of one's own cost, in replies and in the API, and what happens when a budget is used up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.agents_world import AgentsWorld, agents_world_at, reports, script

EDIT = {"edit": "app/checkout.py", "append": "# Edited.\n"}
DONE = {"say": "Done."}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentsWorld]:
    async with agents_world_at(tmp_path) as world:
        yield world


def has(world: AgentsWorld, text: str) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = text


async def test_finished_reply_shows_cost_and_size(world: AgentsWorld) -> None:
    steps = script(EDIT, reports(0.42), {"tokens": [12_000, 300]}, DONE)
    await world.comment("bob", f"/codegen run fix the rounding{steps}", number=2)

    assert await world.final(number=2) == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#3](https://github.com/octo/shop/pull/3). The agent `scripted` changed +1 −0 in 1 file and used $0.42 (12.3k tokens).

Done.

A follow-up: `/codegen resume 1 <what to do next>`\
""")


async def test_agent_over_budget_is_stopped_and_its_work_kept(world: AgentsWorld) -> None:
    has(world, "budgets:\n  cost-per-run: 0.5\n")
    steps = script(EDIT, reports(0.75), {"silence": True})

    await world.comment("bob", f"/codegen run fix the rounding{steps}", number=2)

    assert await world.final(number=2) == snapshot("""\
[Run 1](SERVER/#/runs/1) was stopped after 0 s. The agent `scripted` changed +1 −0 in 1 file and used $0.75.

The agent was stopped. The budget for one run is $0.50 (`cost-per-run`), and $0.75 are spent. What it had done by then is kept.

Pull requests it left: [octo/shop#3](https://github.com/octo/shop/pull/3).

Next: `/codegen resume 1 <what to do>` continues from there, if that was not intended.\
""")
    assert "# Edited." in (await world.files("codegen-bot/fix-the-rounding-1"))["app/checkout.py"]


async def test_command_without_money_is_refused(world: AgentsWorld) -> None:
    has(world, "budgets:\n  cost-per-person-a-day: 0.5\n")
    await world.comment("bob", f"/codegen run fix it{script(reports(0.75), DONE)}", number=2)
    await world.final(number=2)

    comment = await world.comment("bob", "/codegen run fix that", number=2)
    refusal = await world.reply(Stage.REFUSED, number=2)
    assert refusal.partition(", in ")[0] == snapshot("""\
The budget for `bob` in this repository is $0.50 a day (`cost-per-person-a-day`), and $0.75 are spent.

Next: the count resets at 00:00 UTC\
""")
    await world.reacted(comment, "eyes", "-1")

    await world.comment("bob", "/codegen resume 1 go on", number=2)
    assert (await world.reply(Stage.REFUSED, number=2)).startswith("The budget for `bob`")

    await world.comment("alice", f"/codegen resume 1 go on{script(reports(0.8), DONE)}", number=2)
    await world.final(number=2)


async def test_api_sums_up_what_runs_cost(world: AgentsWorld) -> None:
    for login, dollars in (("bob", 0.25), ("alice", 0.5)):
        await world.comment(login, f"/codegen run fix it{script(reports(dollars), DONE)}", number=2)
        await world.final(number=2)
    token = {"Authorization": f"Bearer {world.token('alice')}"}
    async with aiohttp.ClientSession(world.url, headers=token) as session:
        async with session.get("/organizations/1/costs?days=2") as response:
            costs = await response.json()
        async with session.get("/organizations/1/agent/runs") as response:
            runs = (await response.json())["items"]

    assert (costs["is_known"], costs["total"]["cost"]) == (True, 0.75)
    assert [(each["name"], each["cost"]) for each in costs["people"]] == [("alice", 0.5), ("bob", 0.25)]
    assert [(each["name"], each["turns"]) for each in costs["threads"]] == [("octo/shop#2", 2)]
    assert [(run["author"]["login"], run["usage"]["cost"], run["agent_type"]) for run in runs] == [
        ("alice", 0.5, "scripted"),
        ("bob", 0.25, "scripted"),
    ]
