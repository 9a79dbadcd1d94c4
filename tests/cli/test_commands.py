"""The commands, as somebody types them: what is printed, and what is done."""

from __future__ import annotations

import asyncio
import signal

import pytest
from inline_snapshot import snapshot

from bot.commands.table import COMMANDS
from tests.cli.terminal import Terminal, times_evened


async def test_run_waits_and_prints_the_result(terminal: Terminal) -> None:
    """The result is on the output, how it went on the error output, and the hint can be typed."""
    terminal.codegen.script(summary="It was rounded twice.", pull_request="octo/shop#3")

    typed = await terminal.types("run", "find", "out why", "--model", "gpt-5")

    assert typed.status == 0
    assert times_evened(typed.printed) == snapshot("""\
Finished in N s: [run 1](https://codegen.com/agent/trace/1), with [octo/shop#3](https://github.com/octo/shop/pull/3).

It was rounded twice.

<details><summary>The agent's result</summary>

I made the change and ran the tests; all of them pass.

</details>

A follow-up: `codegen-bot resume 1 <what to do next>`
""")
    assert typed.told == snapshot("""\
Accepted. Starting an agent run…
Started: an agent is on it in run 1 (https://codegen.com/agent/trace/1).
""")
    assert terminal.codegen.runs[1].model == "gpt-5"
    assert terminal.codegen.runs[1].prompt.endswith("find out why")


async def test_no_wait_leaves_at_once(slow_terminal: Terminal) -> None:
    typed = await slow_terminal.types("run", "fix it", "--no-wait")

    assert (typed.status, typed.printed) == snapshot(
        (
            0,
            """\
Started: an agent is on it in [run 1](https://codegen.com/agent/trace/1).

`codegen-bot status 1` shows how far it is.
""",
        )
    )


async def test_a_script_gets_one_document_and_no_progress(terminal: Terminal) -> None:
    typed = await terminal.types("run", "fix it", "--json")

    assert (typed.status, typed.told) == (0, "")
    document = typed.document
    assert {name: document[name] for name in ("version", "conclusion", "exit_status", "agent_run_id", "dry_run")} == {
        "version": 1,
        "conclusion": "success",
        "exit_status": 0,
        "agent_run_id": 1,
        "dry_run": False,
    }
    assert document["agent_runs"][0]["status"] == "COMPLETE"


@pytest.mark.parametrize("name", ["runs", "users", "orgs", "repos", "integrations", "whoami", "starred"])
async def test_what_only_shows_needs_no_thread_and_gives_its_data(name: str, terminal: Terminal) -> None:
    terminal.codegen.start_elsewhere("something")

    typed = await terminal.types(name, "--json", *(["--repository", "octo/shop"] if name == "starred" else []))

    assert (typed.status, typed.told, typed.document["command"]) == (0, "", name)
    assert typed.document["data"] is not None


async def test_the_prompt_may_come_from_a_file_or_from_the_standard_input(terminal: Terminal) -> None:
    (terminal.folder / "task.md").write_text("- first this\n- then that\n", encoding="utf-8")

    for words, stdin in ((("run", "--prompt-file", "task.md"), ""), (("run", "-"), "from a pipe\n")):
        assert (await terminal.types(*words, "--no-wait", stdin=stdin)).status == 0
    assert (await terminal.types("resume", "1", "-", "--no-wait", stdin="and more")).status == 0

    assert terminal.codegen.runs[1].prompt.endswith("- first this\n- then that")
    assert terminal.codegen.runs[2].prompt.endswith("from a pipe")
    assert "and more" in terminal.codegen.runs[1].prompts[1]


async def test_with_a_thread_the_run_belongs_to_it_and_may_be_replied_there(terminal: Terminal) -> None:
    """Who reads the reply on the thread answers there: its hints are commands of a comment."""
    typed = await terminal.types("run", "fix it", "--thread", "octo/shop#1", "--comment")

    [comment] = terminal.github.comments(1)
    assert typed.status == 0
    assert typed.told.endswith(f"On the thread: https://github.com/octo/shop/pull/1#issuecomment-{comment.id}\n")
    assert "`/codegen resume 1 <what to do next>`" in comment.body
    assert comment.body.startswith(typed.printed.strip())
    assert "You work on the GitHub pull request octo/shop#1" in terminal.codegen.runs[1].prompt


async def test_without_comment_nothing_is_written_on_the_thread(terminal: Terminal) -> None:
    address = "https://github.com/octo/shop/pull/1"
    assert (await terminal.types("run", "fix it", "--thread", address)).status == 0
    typed = await terminal.types("star", "--thread", address, "--json", GITHUB_ACTOR="")

    assert terminal.github.comments(1) == []
    # No reply records the run on the thread, and a run's own metadata is not believed: nothing is labelled for it.
    assert typed.status == 3
    assert terminal.github.labels(1) == []


async def test_what_a_reply_proposes_can_be_typed(terminal: Terminal) -> None:
    """Also where nothing on the thread tells of the multi-run."""
    for number in (11, 12, 13):
        terminal.codegen.script(pull_request=f"octo/shop#{number}")
    there = ("--thread", "octo/shop#1")

    typed = await terminal.types("multi-run", "-n", "2", "make it fast", *there)
    assert typed.printed.endswith(
        "`codegen-bot keep synthesis` closes the attempts' pull requests; "
        "`codegen-bot keep <attempt>` all but that one's.\n"
    )

    typed = await terminal.types("keep", "synthesis", *there)
    assert (typed.status, typed.printed) == snapshot(
        (
            0,
            """\
Kept the synthesis, [run 3](https://codegen.com/agent/trace/3), with [octo/shop#13](https://github.com/octo/shop/pull/13).

Closed: [octo/shop#11](https://github.com/octo/shop/pull/11), [octo/shop#12](https://github.com/octo/shop/pull/12).
""",
        )
    )
    # Here the run ends at once, and so soon after a resume an ending is taken for the old one: that would be waited for.
    assert (await terminal.types("resume", "3", "go", "on", "--no-wait", *there)).status == 0
    assert (await terminal.types("status", "3")).status == 0


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"help", "keep", "confirm"}])
async def test_every_example_can_be_typed_dry(name: str, terminal: Terminal) -> None:
    """Every call is printed, and none is made."""
    words = COMMANDS[name].USAGE.example.replace('"nightly build"', "nightly").split()

    typed = await terminal.types(*words, "--thread", "octo/shop#1", "--dry-run")

    assert (typed.status, typed.told) == (0, "This was a dry run: nothing was sent.\n")
    assert "GET http://" in typed.printed
    assert terminal.codegen.runs == {}
    assert terminal.github.comments(1) == []


async def test_a_dry_run_keeps_a_scripts_output_clean(terminal: Terminal) -> None:
    typed = await terminal.types("run", "fix it", "--dry-run", "--json")

    assert (typed.status, typed.document["dry_run"]) == (0, True)
    assert "POST http://" in typed.told


async def test_ctrl_c_stops_following_and_says_that_the_run_goes_on(slow_terminal: Terminal) -> None:
    process = await slow_terminal.starts("run", "fix it")
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while not (await process.stderr.readline()).startswith(b"Started"):
            pass
        process.send_signal(signal.SIGINT)
        printed, told = await process.communicate()

    assert (process.returncode, b"Traceback" in told) == (130, False)
    assert printed.decode() == snapshot("""\
Cancelled: nobody follows this any longer, but at Codegen [run 1](https://codegen.com/agent/trace/1) goes on.

Next: `codegen-bot status 1` shows how far it is; `codegen-bot cancel 1` says how it can be stopped.
""")
