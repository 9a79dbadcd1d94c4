"""A multi-run across agents of different vendors: what its table shows, what the synthesis is given, what `keep` removes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness import TIMEOUT
from tests.harness.agents_world import AgentsWorld, agents_world_at, program, script, scripted

THINKER = replace(scripted(), name="thinker", model="deep-1")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentsWorld]:
    failing = program("failing", "sh", "-c", "echo I gave up; exit 1")
    async with agents_world_at(tmp_path, agents=(THINKER, failing)) as world:
        yield world


def steps(dollars: float) -> str:
    cost: dict[str, Any] = {"amount": dollars, "currency": "USD"}
    update = {"update": {"sessionUpdate": "usage_update", "used": 1_000, "size": 200_000, "cost": cost}}
    return script({"edit": "app/checkout.py", "append": "# Edited.\n"}, update, {"say": "I edited it."})


def same(text: str) -> str:
    """Attempts work at the same time: which is the first to open its pull request differs."""
    return re.sub(r"(#|/pull/)\d", r"\1N", text)


async def multi_run(world: AgentsWorld) -> str:
    agents = "--agent-type scripted --agent-type thinker --agent-type failing"
    await world.comment("bob", f"/codegen multi-run {agents} make it faster{steps(0.25)}", number=2)
    return await world.final(number=2)


async def test_one_attempt_of_each_named_agent(world: AgentsWorld) -> None:
    assert same(await multi_run(world)) == snapshot("""\
Finished in 0 s: [run 4](SERVER/#/runs/4) combined 2 of 3 attempts, with [octo/shop#N](https://github.com/octo/shop/pull/N).

I edited it.

| attempt | agent | model | status | time | cost | changes | checks | pull request | run |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| 1 | `scripted` |  | succeeded |  | $0.25 | +1 −0 in 1 file |  | [octo/shop#N](https://github.com/octo/shop/pull/N) | [run 1](SERVER/#/runs/1) |
| 2 | `thinker` | `deep-1` | succeeded |  | $0.25 | +1 −0 in 1 file |  | [octo/shop#N](https://github.com/octo/shop/pull/N) | [run 2](SERVER/#/runs/2) |
| 3 | `failing` |  | failed |  |  |  |  |  | [run 3](SERVER/#/runs/3) |

The attempts and the synthesis used $0.75 together.

<details><summary>Attempt 1</summary>

I edited it.

</details>

<details><summary>Attempt 2</summary>

I edited it.

</details>

Keep the synthesis: `/codegen keep synthesis`. Keep one attempt: `/codegen keep <attempt>`. The others' pull requests are closed.\
""")
    assert [world.run(number).agent for number in (1, 2, 3, 4)] == ["scripted", "thinker", "failing", "scripted"]


async def test_synthesis_is_given_the_diffs(world: AgentsWorld) -> None:
    await multi_run(world)

    prompt = world.log(4)
    assert "Weigh what the candidates have changed and say." in prompt
    assert prompt.count("modified app/checkout.py, +1 -0") == 2
    assert "+# Edited." in prompt


async def test_table_shows_the_checks_of_each_attempt(world: AgentsWorld) -> None:
    await world.comment("bob", f"/codegen multi-run -a scripted -a thinker make it faster{steps(0.25)}", number=2)
    await world.github.until(lambda: {3, 4} <= {*world.github.world.threads}, seconds=TIMEOUT)
    by_run = {(world.pull_request(number).branch or "").rpartition("-")[2]: number for number in (3, 4)}
    for run, conclusion in (("1", "success"), ("2", "failure")):
        world.github.world.add_check_run("test", world.pull_request(by_run[run]).head_sha, conclusion=conclusion)

    rows = [line.split(" | ") for line in (await world.final(number=2)).splitlines() if line.startswith("| ")]

    assert [row[7] for row in rows] == ["checks", "---", "passed", "1 of 1 failed"]


async def test_keep_closes_the_others_and_deletes_their_branches(world: AgentsWorld) -> None:
    await multi_run(world)
    kept, *others = (world.run(number).pull_requests[0] for number in (1, 2, 4))

    await world.comment("bob", "/codegen keep 1", number=2)

    assert same(await world.final(number=2)) == snapshot("""\
Kept attempt 1, [run 1](SERVER/#/runs/1), with [octo/shop#N](https://github.com/octo/shop/pull/N).

Closed: [octo/shop#N](https://github.com/octo/shop/pull/N), [octo/shop#N](https://github.com/octo/shop/pull/N).

Deleted: `codegen-bot/make-it-faster-2`, `codegen-bot/make-it-faster-4`.\
""")
    assert world.pull_request(kept.number).state == "open"
    assert [world.pull_request(other.number).state for other in others] == ["closed", "closed"]
    heads = await world.github.git.heads("octo/shop")
    assert [each.head_branch in heads for each in (kept, *others)] == [True, False, False]


async def test_keep_of_closed_pull_request_leaves_the_kept_one_open(world: AgentsWorld) -> None:
    await multi_run(world)
    await world.comment("bob", "/codegen keep 1", number=2)
    await world.final(number=2)

    await world.comment("bob", "/codegen keep 2", number=2)

    assert same(await world.reply(Stage.REFUSED, number=2)) == snapshot("""\
Attempt 2 cannot be kept, because its pull request is closed: [octo/shop#N](https://github.com/octo/shop/pull/N).

Next: reopen it on its own page, where its branch can be restored, and then keep it.\
""")
    assert world.pull_request(world.run(1).pull_requests[0].number).state == "open"


async def test_unknown_agent_is_refused_with_the_known_ones(world: AgentsWorld) -> None:
    await world.comment("bob", "/codegen multi-run -a scripted -a gemini make it faster", number=2)

    beginning = "There is no agent `gemini` here; `--agent-type` is `scripted`, `fixer`, "
    assert (await world.reply(Stage.REFUSED, number=2)).startswith(beginning)
