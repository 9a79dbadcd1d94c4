"""`setup-commands`: Codegen works out how this repository is set up."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.commands.setup_commands import LONGEST_PROMPT
from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point

COMMANDS = "```sh\nuv sync\nuv run pytest -q\n```\n\nAsk @alice for the key ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."


async def test_set_up_commands_are_worked_out_and_shown(world: World) -> None:
    world.at("14:25")
    comment = await world.comment("bob", "/codegen setup-commands use uv instead of pip,\nand leave out the docs")

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
        "Working since 14:25 UTC: [run 1](https://codegen.com/agent/trace/1)."
    )
    world.advance(minutes=2)
    world.codegen.finish(1, summary="A summary.", result=COMMANDS)

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Worked out the set-up commands of `octo/shop` in 2 min: [run 1](https://codegen.com/agent/trace/1).

```sh
uv sync
uv run pytest -q
```

Ask @\u200balice for the key [redacted].

To change them: `/codegen resume 1 <what to do differently>`\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_no_prompt_is_needed(world: World) -> None:
    await world.comment("bob", "/codegen setup-commands", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1, result=None)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot("""\
Worked out the set-up commands of `octo/shop` in 0 s: [run 1](https://codegen.com/agent/trace/1).

The agent left no answer.

To change them: `/codegen resume 1 <what to do differently>`\
""")
    (sent,) = world.requests("POST", "/setup-commands/generate")
    assert "prompt" not in sent


@either_entry_point
async def test_long_answer_is_cut_and_harmless(world: World) -> None:
    await world.comment("bob", "/codegen setup-commands")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result="```sh\n" + "make it\n" * 10_000)

    reply = await world.reply(Stage.FINISHED)
    assert len(reply) < 20_000
    assert reply[-200:] == snapshot("""\
ake it
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

To change them: `/codegen resume 1 <what to do differently>`\
""")


@either_entry_point
async def test_person_without_permission_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen setup-commands")

    assert await world.reply() == snapshot("`carol` needs `write` access for this, and has `read`. Ask `alice`.")
    assert world.codegen.runs == {}


@either_entry_point
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
    await world.comment("bob", f"/codegen setup-commands {words}")

    assert await world.reply(Stage.REFUSED) == expected


@either_entry_point
async def test_repository_that_codegen_does_not_know(world: World) -> None:
    answer = {"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    world.codegen.control.fault(path="/repos$", status=200, body=answer)
    await world.comment("bob", "/codegen setup-commands")

    assert "Codegen does not know the repository `octo/shop`" in await world.reply(Stage.REFUSED)
    assert world.requests("POST", "/setup-commands/generate") == []


@either_entry_point
async def test_run_that_fails_is_reported(world: World) -> None:
    await world.comment("bob", "/codegen setup-commands")
    await world.codegen.run_created(1)
    world.codegen.fail(1, result="There is no lock file.")

    assert await world.reply(Stage.FAILED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) failed after 0 s.

There is no lock file.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")


@either_entry_point
async def test_what_codegen_refuses_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/setup-commands/generate$", status=400, body={"detail": "Not with this prompt."})
    await world.comment("bob", "/codegen setup-commands")

    assert await world.reply(Stage.FAILED) == snapshot("""\
Codegen did not accept the request (400).

> Not with this prompt.

Next: change the command as its message says; then give the command again in a new comment.\
""")


@either_entry_point
async def test_unreachable_codegen_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/repos$", status=503, times=None)
    await world.comment("bob", "/codegen setup-commands")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen failed, and retrying did not help")
    assert world.codegen.runs == {}


@either_entry_point
async def test_limit_is_waited_for(world: World) -> None:
    """A refusal is no doubt: it is asked for again."""
    world.codegen.control.fault(path="/setup-commands/generate$", status=429, headers={"Retry-After": "0"})
    await world.comment("bob", "/codegen setup-commands")

    await world.reply(Stage.STARTED)
    assert len(world.codegen.runs) == 1


@pytest.mark.parametrize("fault", [{"status": 500, "after_work": True}, {"action": "truncate"}], ids=str)
async def test_lost_response_is_reported_and_not_repeated(world: World, fault: dict[str, Any]) -> None:
    world.codegen.control.fault(path="/setup-commands/generate$", **fault)
    await world.comment("bob", "/codegen setup-commands")

    assert "check Codegen first, because it may have been done anyway" in await world.reply(Stage.FAILED)
    assert len(world.requests("POST", "/setup-commands/generate")) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_restart_before_response_is_reported_without_resend(world: World) -> None:
    world.codegen.control.fault(path="/setup-commands/generate$", action="hang", after_work=True, delay=30)
    await world.comment("bob", "/codegen setup-commands")
    await world.codegen.run_created(1)

    await world.restart_bot()

    assert "check Codegen first, because it may have been done anyway" in await world.reply(Stage.FAILED)
    assert len(world.requests("POST", "/setup-commands/generate")) == len(world.codegen.runs) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_restart_after_response_changes_nothing(world: World) -> None:
    """Not even where Codegen no longer lists the repository."""
    await world.comment("bob", "/codegen setup-commands")
    await world.reply(Stage.STARTED)

    await world.stop_bot()
    world.codegen.control.fault(path="/repos$", status=503, times=None)
    world.codegen.finish(1, result="uv sync")
    await world.start_bot()

    assert "uv sync" in await world.reply(Stage.FINISHED)
    assert len(world.requests("POST", "/setup-commands/generate")) == len(world.bot_comments()) == 1
