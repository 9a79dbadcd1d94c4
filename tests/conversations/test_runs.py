"""`runs`: the repository's latest runs, those of this thread marked."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


def pages_read(world: World) -> list[str]:
    """The parts of the list of runs that were asked for since the last command."""
    journal = world.codegen.control.journal
    return [entry.query["skip"] for entry in journal if entry.path.endswith("/agent/runs")]


def start_here(world: World, prompt: str) -> int:
    """Somebody starts a run in Codegen itself, which opens a pull request in this repository."""
    run = world.codegen.start_elsewhere(prompt).id
    world.codegen.open_pull_request(run, f"octo/shop#{1000 + run}")
    return run


async def three_runs(world: World) -> None:
    """The first two belong to pull request 1: by what they made, and by having been started there."""
    world.codegen.start_elsewhere("Fix the checkout")
    world.codegen.finish(1, summary="# Rounded | once, `a|b`\nmore", pull_request="octo/shop#1")
    world.advance(days=3)
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(2)
    world.codegen.fail(2, result="I could not, ask @octo/team; ghp_" + "a1B2" * 9)
    await world.reply(Stage.FAILED)
    world.advance(minutes=5)
    start_here(world, "Something else")


async def test_runs_shows_the_latest_runs(world: World) -> None:
    await three_runs(world)

    comment = await world.comment("bob", "/codegen runs")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
This repository has 3 runs in all.

| run | state | started | pull requests | about |
| --- | --- | --- | --- | --- |
| [run 3](https://codegen.com/agent/trace/3) | queued | 0 s ago | [octo/shop#1003](https://github.com/octo/shop/pull/1003) | Something else |
| [run 2](https://codegen.com/agent/trace/2) (here) | failed | 5 min ago |  | `bob`: fix it |
| [run 1](https://codegen.com/agent/trace/1) (here) | succeeded | 3 days ago | [octo/shop#1](https://github.com/octo/shop/pull/1) | Fix the checkout |

(here): belongs to this thread.\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_runs_of_one_state(world: World) -> None:
    """The bot's own words of a state and Codegen's mean the same."""
    await three_runs(world)

    await world.comment("bob", "/codegen runs --status ERROR", number=2)

    failed = await world.reply(Stage.FINISHED, number=2)
    assert failed == snapshot("""\
1 of this repository's 3 runs is `failed`.

| run | state | started | pull requests | about |
| --- | --- | --- | --- | --- |
| [run 2](https://codegen.com/agent/trace/2) | failed | 5 min ago |  | `bob`: fix it |\
""")
    for words in ("--status failed", "-s Failed", "--status=failure -n 50"):
        await world.comment("bob", f"/codegen runs {words}", number=2)
        assert await world.reply(Stage.FINISHED, number=2) == failed


@either_entry_point
@pytest.mark.parametrize("word", ["RUNNING", "in progress", "working", "MAX_ITERATIONS_REACHED", "timed-out"])
async def test_runs_of_a_state_that_none_is_in(world: World, word: str) -> None:
    await three_runs(world)

    await world.comment("bob", f"/codegen runs --status '{word}'")

    assert (await world.reply(Stage.FINISHED)).startswith("None of this repository's 3 runs is `")


@either_entry_point
async def test_only_as_many_runs_as_asked_for(world: World) -> None:
    for number in range(1, 5):
        start_here(world, f"Task {number}")

    await world.comment("bob", "/codegen runs --limit 2")
    assert await world.reply(Stage.FINISHED) == snapshot("""\
This repository's latest 2 runs; there are more.

| run | state | started | pull requests | about |
| --- | --- | --- | --- | --- |
| [run 4](https://codegen.com/agent/trace/4) | queued | 0 s ago | [octo/shop#1004](https://github.com/octo/shop/pull/1004) | Task 4 |
| [run 3](https://codegen.com/agent/trace/3) | queued | 0 s ago | [octo/shop#1003](https://github.com/octo/shop/pull/1003) | Task 3 |\
""")

    await world.comment("bob", "/codegen runs --limit 2 --status queued")
    assert (await world.reply(Stage.FINISHED)).startswith(
        "This repository's latest 2 runs that are `queued`; there are more."
    )


@either_entry_point
async def test_long_list_is_not_searched_to_its_end(world: World) -> None:
    """Three pages of a hundred are looked at; the one run that failed is older."""
    for number in range(1, 321):
        start_here(world, f"Task {number}")
    world.codegen.fail(1)
    world.codegen.fail(200)

    await world.comment("bob", "/codegen runs --status failed")
    assert await world.reply(Stage.FINISHED) == snapshot("""\
1 of this repository's latest 300 runs is `failed`. Older runs were not searched.

| run | state | started | pull requests | about |
| --- | --- | --- | --- | --- |
| [run 200](https://codegen.com/agent/trace/200) | failed | 0 s ago | [octo/shop#1200](https://github.com/octo/shop/pull/1200) | Task 200 |\
""")

    await world.comment("bob", "/codegen runs --status timeout")
    assert await world.reply(Stage.FINISHED) == snapshot(
        "None of this repository's latest 300 runs is `timed-out`. Older runs were not searched."
    )

    assert pages_read(world) == ["0", "100", "200"] * 2


@either_entry_point
async def test_no_more_pages_are_read_than_needed(world: World) -> None:
    for number in range(1, 121):
        start_here(world, f"Task {number}")

    await world.comment("bob", "/codegen runs --limit 50")

    assert (await world.reply(Stage.FINISHED)).startswith("This repository's latest 50 runs; there are more.")
    assert pages_read(world) == ["0"]


async def test_running_run_shows_who_asked_for_it(world: World) -> None:
    """The API does not tell a run's prompt."""
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)

    await world.comment("alice", "/codegen runs")

    assert (await world.reply(Stage.FINISHED)).splitlines()[4] == snapshot(
        "| [run 1](https://codegen.com/agent/trace/1) (here) | queued | 0 s ago |  | `bob`: fix it |"
    )
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


@either_entry_point
async def test_runs_where_there_is_none(world: World) -> None:
    await world.comment("bob", "/codegen runs")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "This repository has no agent run yet. `/codegen run <what to do>` starts one."
    )


async def test_looking_at_runs_makes_none_of_them_the_threads(world: World) -> None:
    world.codegen.start_elsewhere("Something else")
    await world.comment("bob", "/codegen runs")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen status")

    assert (await world.reply(Stage.REFUSED)).startswith("No agent run belongs to this thread yet.")


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    """The organization's runs are its own business, and the thread may be public."""
    await world.comment("carol", "/codegen runs")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `write` access for this")


@either_entry_point
async def test_fault_of_codegen_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/agent/runs$", times=None)

    await world.comment("bob", "/codegen runs")

    assert await world.reply(Stage.FAILED) == snapshot("""\
Codegen failed, and retrying did not help (500).

> A scripted fault.

Next: give the command again in a new comment in a few minutes.\
""")


@either_entry_point
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "--status faild",
            snapshot(
                "`--status` takes one of `queued`, `working`, `paused`, `succeeded`, `failed`, `cancelled`, `timed-out`, `out-of-tokens`, `max-iterations`. Did you mean `failed`? For example: `/codegen runs --status failed --limit 20`"
            ),
        ),
        ("--status ''", snapshot("`--status` needs a value. For example: `/codegen runs --status failed --limit 20`")),
        (
            "--limit 51",
            snapshot(
                "`--limit` takes a whole number from 1 to 50. For example: `/codegen runs --status failed --limit 20`"
            ),
        ),
        (
            "--limit 0",
            snapshot(
                "`--limit` takes a whole number from 1 to 50. For example: `/codegen runs --status failed --limit 20`"
            ),
        ),
        (
            "failed",
            snapshot(
                "`runs` takes `--status` and `--limit` and nothing else. For example: `/codegen runs --status failed --limit 20`"
            ),
        ),
    ],
)
async def test_invalid_input_is_reported(world: World, words: str, expected: str) -> None:
    await world.comment("bob", f"/codegen runs {words}")

    assert await world.reply(Stage.REFUSED) == expected
