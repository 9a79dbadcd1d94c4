"""`setup-commands`: Codegen works out how this repository is set up."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.commands.setup_commands import LONGEST_PROMPT
from bot.replies.markers import Stage
from tests.conversations.world import World

COMMANDS = "```sh\nuv sync\nuv run pytest -q\n```\n\nAsk @alice for the key ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."


async def test_set_up_commands_are_worked_out_and_shown(world: World) -> None:
    comment = await world.says("bob", "/codegen setup-commands use uv instead of pip,\nand leave out the docs")

    assert await world.reply(Stage.ACCEPTED) == snapshot(
        "Accepted. Asking Codegen to work out the set-up commands of `octo/shop`…"
    )
    assert await world.reply(Stage.STARTED) == snapshot("""\
Started: an agent is on it in [run 1](https://codegen.com/agent/trace/1).

This comment is kept up to date.\
""")
    assert world.requests("POST", "/setup-commands/generate") == [
        {
            "repo_id": 101,
            "prompt": "use uv instead of pip,\nand leave out the docs",
            "trigger_source": "setup-commands",
        }
    ]
    world.codegen.move(1, "RUNNING")
    assert await world.reply(Stage.WORKING) == snapshot(
        "Working for 0 s: [run 1](https://codegen.com/agent/trace/1). Codegen calls it `RUNNING`."
    )
    world.passes(minutes=2)
    world.codegen.finish(1, summary="A summary.", result=COMMANDS)

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Worked out the set-up commands of `octo/shop` in 2 min: [run 1](https://codegen.com/agent/trace/1).

```sh
uv sync
uv run pytest -q
```

Ask @\u200balice for the key [redacted].

To have them changed: `/codegen resume 1 <what to do differently>`\
""")
    await world.reacted(comment, "eyes", "rocket")


async def test_no_prompt_is_needed(world: World) -> None:
    await world.says("bob", "/codegen setup-commands", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1, result=None)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot("""\
Worked out the set-up commands of `octo/shop` in 0 s: [run 1](https://codegen.com/agent/trace/1).

The agent left no answer.

To have them changed: `/codegen resume 1 <what to do differently>`\
""")
    (sent,) = world.requests("POST", "/setup-commands/generate")
    assert "prompt" not in sent


async def test_a_long_answer_is_cut_and_harmless(world: World) -> None:
    await world.says("bob", "/codegen setup-commands")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result="```sh\n" + "make it\n" * 10_000)

    reply = await world.reply(Stage.FINISHED)
    assert len(reply) < 20_000
    assert reply[-200:] == snapshot("""\

make it
make it
make it
make it
make it
make it
make it
make it
make it
make it
make it
make it
```

… the run's page has the rest.

To have them changed: `/codegen resume 1 <what to do differently>`\
""")


async def test_a_person_without_rights_is_refused(world: World) -> None:
    await world.says("carol", "/codegen setup-commands")

    assert await world.reply() == snapshot(
        "`carol` may not do this here: it takes `write` access, and `carol` has `read`. `alice` can."
    )
    assert world.codegen.runs == {}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "--pip yes",
            snapshot(
                "There is no flag `--pip` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen setup-commands use uv instead of pip`"
            ),
        ),
        (
            "x" * (LONGEST_PROMPT + 1),
            snapshot(
                "`setup-commands` takes a prompt of 20,000 characters at most. For example: `/codegen setup-commands use uv instead of pip`"
            ),
        ),
    ],
    ids=["a flag", "too long"],
)
async def test_what_cannot_be_understood_is_reported(world: World, words: str, expected: str) -> None:
    await world.says("bob", f"/codegen setup-commands {words}")

    assert await world.reply(Stage.REFUSED) == expected


async def test_a_repository_that_codegen_does_not_know(world: World) -> None:
    answer = {"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    world.codegen.control.fault(path="/repos$", status=200, body=answer)
    await world.says("bob", "/codegen setup-commands")

    assert "Codegen does not know the repository `octo/shop`" in await world.reply(Stage.REFUSED)
    assert world.requests("POST", "/setup-commands/generate") == []


async def test_a_run_that_fails_is_reported(world: World) -> None:
    await world.says("bob", "/codegen setup-commands")
    await world.codegen.run_created(1)
    world.codegen.fail(1, result="There is no lock file.")

    assert await world.reply(Stage.FAILED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) failed after 0 s (Codegen calls it `FAILED`).

There is no lock file.

Next: its page shows where; then `/codegen resume 1 <a hint>` goes on from there.\
""")


async def test_what_codegen_refuses_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/setup-commands/generate$", status=400, body={"detail": "Not with this prompt."})
    await world.says("bob", "/codegen setup-commands")

    assert await world.reply(Stage.FAILED) == snapshot("""\
Codegen did not accept the request (400).

> Not with this prompt.

Next: change the command as it says; then give the command again in a new comment.\
""")


async def test_a_codegen_that_is_down_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/repos$", status=503, times=None)
    await world.says("bob", "/codegen setup-commands")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen has a fault of its own")
    assert world.codegen.runs == {}


async def test_a_limit_is_waited_for(world: World) -> None:
    """A refusal is no doubt: it is asked for again."""
    world.codegen.control.fault(path="/setup-commands/generate$", status=429, headers={"Retry-After": "0"})
    await world.says("bob", "/codegen setup-commands")

    await world.reply(Stage.STARTED)
    assert len(world.codegen.runs) == 1


@pytest.mark.parametrize("fault", [{"status": 500, "after_work": True}, {"action": "truncate"}], ids=str)
async def test_an_answer_that_is_lost_is_told_and_not_asked_for_again(world: World, fault: dict[str, Any]) -> None:
    world.codegen.control.fault(path="/setup-commands/generate$", **fault)
    await world.says("bob", "/codegen setup-commands")

    assert "look at Codegen first, because it may have been done all the same" in await world.reply(Stage.FAILED)
    assert len(world.requests("POST", "/setup-commands/generate")) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_restart_before_codegens_answer_is_told_and_nothing_is_sent_again(world: World) -> None:
    world.codegen.control.fault(path="/setup-commands/generate$", action="hang", after_work=True, delay=30)
    await world.says("bob", "/codegen setup-commands")
    await world.codegen.run_created(1)

    await world.restart_bot()

    assert "look at Codegen first, because it may have been done all the same" in await world.reply(Stage.FAILED)
    assert len(world.requests("POST", "/setup-commands/generate")) == len(world.codegen.runs) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_restart_after_codegens_answer_is_not_noticed(world: World) -> None:
    """Not even where Codegen no longer lists the repository."""
    await world.says("bob", "/codegen setup-commands")
    await world.reply(Stage.STARTED)

    await world.stop_bot()
    world.codegen.control.fault(path="/repos$", status=503, times=None)
    world.codegen.finish(1, result="uv sync")
    await world.start_bot()

    assert "uv sync" in await world.reply(Stage.FINISHED)
    assert len(world.requests("POST", "/setup-commands/generate")) == len(world.bot_comments()) == 1
