"""`logs`: what a run did, from its own trace."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


def pages_read(world: World) -> list[tuple[str, str]]:
    journal = world.codegen.control.journal
    return [(entry.query["skip"], entry.query["reverse"]) for entry in journal if entry.path.endswith("/logs")]


async def a_run(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.runs[1].logs.clear()
    world.codegen.add_log(1, message_type="USER_MESSAGE", observation="Fix it.")
    world.advance(seconds=20)
    world.codegen.add_log(1, tool_name="view_file", thought="I read @bob's code.", tool_input={"path": "a.py"})
    world.codegen.add_log(
        1,
        tool_name="run_command",
        tool_input={"command": "deploy --token hunter2hunter2"},
        observation={"exit_code": 1},
    )


async def test_logs_shows_what_the_threads_run_did(world: World) -> None:
    await a_run(world)
    world.advance(minutes=2)
    world.codegen.finish(1, result="Rounded once.", pull_request="octo/shop#12")
    await world.reply(Stage.FINISHED)

    comment = await world.comment("bob", "/codegen logs")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1): `succeeded`, 4 log entries, with [octo/shop#12](https://github.com/octo/shop/pull/12).

**Final answer**

Rounded once.

**The error**

```text
#3 +0:00:20 ACTION run_command
  tool input: command: deploy --token [redacted]
  observation: exit_code: 1
```

**Tools used:** `view_file` (1), `run_command` (1).

<details><summary>Last thoughts</summary>

> I read @\u200bbob's code.

</details>

<details><summary>The whole log</summary>

```text
#1 +0:00:00 USER_MESSAGE
  observation: Fix it.
#2 +0:00:20 ACTION view_file
  thought: I read @bob's code.
  tool input: path: a.py
#3 +0:00:20 ACTION run_command
  tool input: command: deploy --token [redacted]
  observation: exit_code: 1
#4 +0:02:20 FINAL_ANSWER
  observation: Rounded once.
```

</details>\
""")
    await world.reacted(comment, "eyes", "rocket")
    assert pages_read(world) == [("0", "true")]


async def test_logs_never_show_a_thought_as_answer(world: World) -> None:
    await a_run(world)
    world.codegen.add_log(1, message_type="FINAL_ANSWER", thought="bob is wrong.", observation="Rounded once.")

    await world.comment("bob", "/codegen logs --last 1")

    answer, _, rest = (await world.reply(Stage.FINISHED)).partition("**The error**")
    assert "Rounded once." in answer
    assert "bob is wrong." not in answer
    assert "bob is wrong." not in rest.partition("<details><summary>The last")[0]


async def test_logs_of_a_run_at_work_show_its_last_thoughts(world: World) -> None:
    await a_run(world)
    world.codegen.move(1, "RUNNING")
    await world.reply(Stage.WORKING)

    await world.comment("bob", "/codegen logs 1 --last 2")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1): `working`, 3 log entries.

**The error**

```text
#3 +0:00:20 ACTION run_command
  tool input: command: deploy --token [redacted]
  observation: exit_code: 1
```

**Tools used:** `view_file` (1), `run_command` (1).

**Last thoughts**

> I read @\u200bbob's code.

<details><summary>The last 2 of 3 log entries</summary>

```text
#2 +0:00:20 ACTION view_file
  thought: I read @bob's code.
  tool input: path: a.py
#3 +0:00:20 ACTION run_command
  tool input: command: deploy --token [redacted]
  observation: exit_code: 1
```

</details>

More of the log: `/codegen logs 1 --last 100`\
""")


@either_entry_point
@pytest.mark.parametrize("words", ["1 -n 2", "--last 2 1", "-n 2", "1 --last=2"])
async def test_run_and_flag_are_accepted_in_any_order(world: World, words: str) -> None:
    await a_run(world)

    await world.comment("bob", f"/codegen logs {words}")

    assert "<summary>The last 2 of 3 log entries</summary>" in await world.reply(Stage.FINISHED)


@either_entry_point
async def test_long_log_is_read_from_its_end(world: World) -> None:
    """Five pages of a hundred at most."""
    run = world.codegen.start_elsewhere("Go on")
    for number in range(2, 621):
        world.codegen.add_log(run.id, thought=f"Thought {number}.", tool_name="early" if number <= 120 else "late")

    await world.comment("bob", "/codegen logs 1 --last 1")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1): `queued`, 620 log entries.

Only the newest 500 entries were read.

**Tools used:** `late` (500).

**Last thoughts**

> Thought 618.

> Thought 619.

> Thought 620.

<details><summary>The last of 620 log entries</summary>

```text
#620 +0:00:00 ACTION late
  thought: Thought 620.
```

</details>

More of the log: `/codegen logs 1 --last 100`\
""")
    assert pages_read(world) == [(f"{skip}", "true") for skip in range(0, 500, 100)]


@either_entry_point
async def test_entries_added_during_reading_are_counted_once(world: World) -> None:
    """Between the first page and the second, the run has written three entries more."""
    run = world.codegen.start_elsewhere("Go on")
    run.logs.clear()
    for number in range(1, 151):
        world.codegen.add_log(run.id, tool_name="view_file", thought=f"Thought {number}.")
    page = {"id": 1, "organization_id": 1, "logs": run.logs[:-101:-1], "total_logs": 150}
    world.codegen.control.fault(path="/logs$", status=200, body=page)
    for _ in range(3):
        world.codegen.add_log(run.id, tool_name="view_file", thought="Later.")

    await world.comment("bob", "/codegen logs 1 --last 100")

    text = await world.reply(Stage.FINISHED)
    assert "150 log entries" in text
    assert "`view_file` (150)" in text
    assert "Later." not in text
    assert len(pages_read(world)) == 2


@either_entry_point
async def test_log_that_is_empty(world: World) -> None:
    world.codegen.start_elsewhere("Go on").logs.clear()

    await world.comment("bob", "/codegen logs 1")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1): `queued`, nothing logged yet."
    )


async def test_looking_at_a_log_does_not_make_the_run_the_threads(world: World) -> None:
    world.codegen.start_elsewhere("Something else")
    await world.comment("bob", "/codegen logs 1")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen logs")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "No agent run belongs to this thread yet. Start one with `/codegen run <what to do>`, or name one by number: `/codegen logs 7`"
    )


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen logs 1")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `write` access for this")


@either_entry_point
async def test_log_of_unknown_run_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen logs 99")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen did not find it (404).")


@either_entry_point
async def test_fault_of_codegen_is_reported(world: World) -> None:
    world.codegen.start_elsewhere("Go on")
    world.codegen.control.fault(path="/logs$", times=None, status=503)

    await world.comment("bob", "/codegen logs 1")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen failed, and retrying did not help")


@either_entry_point
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "please",
            snapshot(
                "`logs` takes a run number and `--last N`, and nothing else. For example: `/codegen logs 7 --last 50`"
            ),
        ),
        (
            "7 --last 101",
            snapshot("`--last` takes a whole number from 1 to 100. For example: `/codegen logs 7 --last 50`"),
        ),
        (
            "--last none",
            snapshot("`--last` takes a whole number from 1 to 100. For example: `/codegen logs 7 --last 50`"),
        ),
        ("--last 5 7 -n 6", snapshot("`--last` was given twice. For example: `/codegen logs 7 --last 50`")),
    ],
)
async def test_invalid_input_is_reported(world: World, words: str, expected: str) -> None:
    await world.comment("bob", f"/codegen logs {words}")

    assert await world.reply(Stage.REFUSED) == expected
