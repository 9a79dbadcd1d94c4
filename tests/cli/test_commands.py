"""The comment commands on the command line: their output and effects."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.commands.registry import COMMANDS
from tests.app.dry_run.conftest import written
from tests.harness import TIMEOUT
from tests.harness.forks import python_m
from tests.harness.terminal import Terminal, without_times


async def test_run_waits_and_prints_the_result(terminal: Terminal) -> None:
    """The result is on the output, how it went on the error output, and the hint can be typed."""
    terminal.codegen.script(summary="It was rounded twice.", pull_request="octo/shop#3")

    typed = await terminal.run("run", "find", "out why", "--model", "gpt-5")

    assert typed.status == 0
    assert without_times(typed.stdout) == snapshot("""\
Finished in N s: [run 1](https://codegen.com/agent/trace/1), with [octo/shop#3](https://github.com/octo/shop/pull/3).

It was rounded twice.

The agent's result:

I made the change and ran the tests; all of them pass.

A follow-up: `codegen-bot resume 1 <what to do next>`
""")
    assert typed.stderr == snapshot("""\
Accepted. Starting an agent run…
Started: an agent is on it in run 1 (https://codegen.com/agent/trace/1).
""")
    assert terminal.codegen.runs[1].model == "gpt-5"
    assert terminal.codegen.runs[1].prompt.endswith("find out why")


async def test_run_no_wait_returns_at_once(slow_terminal: Terminal) -> None:
    typed = await slow_terminal.run("run", "fix it", "--no-wait")

    assert (typed.status, typed.stdout) == snapshot(
        (
            0,
            """\
Started: an agent is on it in [run 1](https://codegen.com/agent/trace/1).

`codegen-bot status 1` shows its progress.
""",
        )
    )


async def test_json_prints_one_document_and_no_progress(terminal: Terminal) -> None:
    typed = await terminal.run("run", "fix it", "--json")

    assert (typed.status, typed.stderr) == (0, "")
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
async def test_read_only_commands_need_no_thread(name: str, terminal: Terminal) -> None:
    terminal.codegen.start_elsewhere("something")

    typed = await terminal.run(name, "--json")

    assert (typed.status, typed.stderr, typed.document["command"]) == (0, "", name)
    assert typed.document["data"] is not None


@pytest.mark.parametrize(("login", "access"), [("alice", "admin"), ("bob", "write"), ("carol", "read")])
async def test_whoami_asks_github(login: str, access: str, terminal: Terminal) -> None:
    typed = await terminal.run("whoami", "--repository", "octo/shop", GITHUB_TOKEN=f"as-{login}")

    assert typed.stdout.startswith(
        f"You are `{login}`. According to GitHub, you have `{access}` access to `octo/shop`."
    )


async def test_run_is_of_the_tokens_owner(terminal: Terminal) -> None:
    """GitHub's, or Codegen's where GitHub is not asked; never of the user of the machine."""
    there = ("--thread", "octo/shop#1")
    assert (await terminal.run("run", "on it", "--no-wait", *there, GITHUB_TOKEN="as-bob")).status == 0
    assert (await terminal.run("run", "alone", "--no-wait", GITHUB_TOKEN="as-bob")).status == 0
    workflow = {"GITHUB_TOKEN": "bot-token", "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "carol"}
    assert (await terminal.run("run", "by a workflow", "--no-wait", *there, **workflow)).status == 0

    marks = [(run.metadata or {})["codegen_bot"] for run in terminal.codegen.runs.values()]
    assert [mark["login"] for mark in marks] == ["bob", "alice", "carol"]
    assert "bob" in terminal.codegen.runs[1].prompt


async def test_run_takes_prompt_from_file_or_stdin(terminal: Terminal) -> None:
    (terminal.folder / "task.md").write_text("- first this\n- then that\n", encoding="utf-8")

    for words, stdin in ((("run", "--prompt-file", "task.md"), ""), (("run", "-"), "from a pipe\n")):
        assert (await terminal.run(*words, "--no-wait", stdin=stdin)).status == 0
    assert (await terminal.run("resume", "1", "-", "--no-wait", stdin="and more")).status == 0

    assert terminal.codegen.runs[1].prompt.endswith("- first this\n- then that")
    assert terminal.codegen.runs[2].prompt.endswith("from a pipe")
    assert "and more" in terminal.codegen.runs[1].prompts[1]


async def test_run_with_thread_and_comment(terminal: Terminal) -> None:
    """Who reads the reply on the thread answers there: its hints are commands of a comment."""
    typed = await terminal.run("run", "fix it", "--thread", "octo/shop#1", "--comment")

    [comment] = terminal.github.comments(1)
    assert typed.status == 0
    assert typed.stderr.endswith(f"On the thread: https://github.com/octo/shop/pull/1#issuecomment-{comment.id}\n")
    assert "`/codegen resume 1 <what to do next>`" in comment.body
    assert comment.body.startswith(typed.stdout.strip())
    assert "You are working on the GitHub pull request octo/shop#1" in terminal.codegen.runs[1].prompt


async def test_run_without_comment_posts_nothing(terminal: Terminal) -> None:
    address = "https://github.com/octo/shop/pull/1"
    assert (await terminal.run("run", "fix it", "--thread", address)).status == 0
    typed = await terminal.run("star", "--thread", address, "--json")

    assert terminal.github.comments(1) == []
    # No reply records the run on the thread, and a run's own metadata is not believed: nothing is labelled for it.
    assert typed.status == 3
    assert terminal.github.labels(1) == []


async def test_starred_without_repository_looks_in_those_of_the_latest_runs(terminal: Terminal) -> None:
    terminal.codegen.script(pull_request="octo/shop#1")
    await terminal.run("run", "fix it", "--thread", "octo/shop#1")
    terminal.codegen.start_elsewhere("something")
    assert (await terminal.run("starred")).stdout.startswith("No run is starred yet.")
    assert (await terminal.run("star", "1")).status == 0

    typed = await terminal.run("starred")

    assert (typed.status, typed.stderr) == (0, "")
    assert typed.stdout.startswith("1 run is starred.")


async def test_multi_run_without_waiting_says_so_first(terminal: Terminal) -> None:
    typed = await terminal.run("multi-run", "-n", "2", "make it fast", "--no-wait")

    assert typed.stderr.startswith(
        "Accepted. Starting 2 attempts. The command does not wait for them, so their results are not combined.\n"
    )


async def test_commands_proposed_in_replies_work(terminal: Terminal) -> None:
    """Even if no comment on the thread names the multi-run."""
    for number in (11, 12, 13):
        terminal.codegen.script(pull_request=f"octo/shop#{number}")
    there = ("--thread", "octo/shop#1")

    typed = await terminal.run("multi-run", "-n", "2", "make it fast", *there)
    assert typed.stdout.endswith(
        "Keep the synthesis: `codegen-bot keep synthesis`. Keep one attempt: `codegen-bot keep <attempt>`. "
        "The others' pull requests are closed.\n"
    )

    typed = await terminal.run("keep", "synthesis", *there)
    assert (typed.status, typed.stdout) == snapshot(
        (
            0,
            """\
Kept the synthesis, [run 3](https://codegen.com/agent/trace/3), with [octo/shop#13](https://github.com/octo/shop/pull/13).

Closed: [octo/shop#11](https://github.com/octo/shop/pull/11), [octo/shop#12](https://github.com/octo/shop/pull/12).
""",
        )
    )
    # Here the run ends at once, and so soon after a resume an ending is taken for the old one: that would be waited for.
    assert (await terminal.run("resume", "3", "go", "on", "--no-wait", *there)).status == 0
    assert (await terminal.run("status", "3")).status == 0


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"help", "keep", "confirm"}])
async def test_dry_run_of_every_example(name: str, terminal: Terminal) -> None:
    """Writes are printed, and none is made; without any, the reply is printed."""
    terminal.codegen.start_elsewhere("something")
    terminal.codegen.open_pull_request(1, "octo/shop#1")
    terminal.codegen.refresh()
    example = COMMANDS[name].USAGE.example.replace('"nightly build"', "nightly")
    words = re.sub(r"\b7\b", "1", example).split()

    typed = await terminal.run(*words, "--thread", "octo/shop#1", "--dry-run")

    assert (typed.status, typed.stderr) == (0, "This was a dry run: nothing was written.\n")
    assert typed.stdout != ""
    assert written(terminal.codegen) == written(terminal.github) == []


async def test_dry_run_json_prints_calls_to_stderr(terminal: Terminal) -> None:
    typed = await terminal.run("run", "fix it", "--dry-run", "--json")

    assert (typed.status, typed.document["dry_run"]) == (0, True)
    found = {
        name: typed.document[name] for name in ("conclusion", "reason_code", "triggered", "agent_run_id", "agent_runs")
    }
    assert found == {
        "conclusion": "skipped",
        "reason_code": "dry-run",
        "triggered": False,
        "agent_run_id": None,
        "agent_runs": [],
    }
    assert "POST http://" in typed.stderr


async def test_ctrl_c_stops_waiting_and_says_so(slow_terminal: Terminal) -> None:
    process = await slow_terminal.start("run", "fix it")
    assert process.stderr is not None
    async with asyncio.timeout(TIMEOUT):
        while not (await process.stderr.readline()).startswith(b"Started"):
            pass
        process.send_signal(signal.SIGINT)
        stdout, stderr = await process.communicate()

    assert (process.returncode, b"Traceback" in stderr) == (130, False)
    assert stdout.decode() == snapshot("""\
Cancelled: the bot no longer follows this, but [run 1](https://codegen.com/agent/trace/1) continues at Codegen.

Next: `codegen-bot status 1` shows its progress; `codegen-bot cancel 1` says how to stop it.
""")


async def test_ctrl_c_says_that_own_agent_continues_where_it_is(slow_terminal: Terminal) -> None:
    own = {
        "id": 1,
        "organization_id": 1,
        "status": "ACTIVE",
        "web_url": "https://bot.test/#/runs/1",
        "cancellable": True,
    }
    slow_terminal.codegen.control.fault(path="/agent/run$", method="POST", status=200, body=own, after_work=True)
    process = await slow_terminal.start("run", "fix it")
    assert process.stderr is not None
    async with asyncio.timeout(TIMEOUT):
        while not (await process.stderr.readline()).startswith(b"Started"):
            pass
        process.send_signal(signal.SIGINT)
        stdout, _ = await process.communicate()

    assert process.returncode == 130
    assert stdout.decode() == snapshot("""\
Cancelled: the bot no longer follows this, but [run 1](https://bot.test/#/runs/1) continues.

Next: `codegen-bot status 1` shows its progress; `codegen-bot cancel 1` stops it.
""")


async def test_refusal_about_known_run_is_on_stderr(terminal: Terminal) -> None:
    terminal.codegen.start_elsewhere("fix it")

    typed = await terminal.run("star", "1", without="GITHUB_TOKEN")

    assert (typed.status, typed.stdout) == (3, "")
    assert typed.stderr.startswith("Run 1 has no pull request")


async def test_output_to_full_disk_is_one_sentence(terminal: Terminal) -> None:
    terminal.codegen.start_elsewhere("fix it")
    with await asyncio.to_thread(Path("/dev/full").open, "wb") as full:
        process = await asyncio.create_subprocess_exec(
            *python_m("bot", "status", "1", environ=terminal.environ),
            env=terminal.environ,
            cwd=terminal.folder,
            stdout=full,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(TIMEOUT):
            _, stderr = await process.communicate()

    assert (process.returncode, stderr.decode()) == (
        1,
        "Error: The output cannot be written: No space left on device.\n",
    )


async def test_status_of_stopped_run(terminal: Terminal) -> None:
    terminal.codegen.start_elsewhere("fix it")
    terminal.codegen.finish(1, status="CANCELLED")

    typed = await terminal.run("status", "1")

    assert typed.stdout.startswith("[Run 1](https://codegen.com/agent/trace/1): stopped, started ")


async def test_read_of_unreachable_service_gives_up_soon(terminal: Terminal, unused_tcp_port: int) -> None:
    """With the reason in words, and what it waits for meanwhile."""
    typed = await terminal.run("runs", CODEGEN_API_BASE_URL=f"http://127.0.0.1:{unused_tcp_port}")

    assert typed.status == 1
    assert typed.stderr.startswith("Codegen: connection refused. Retrying (2/6)…\n")
    assert "Retrying (5/6)" not in typed.stderr
    assert typed.stderr.count("connection refused") >= 2


async def test_read_of_known_run_fails_on_stderr(terminal: Terminal) -> None:
    """A file that the output is written to gets no error message."""
    terminal.codegen.start_elsewhere("fix it")
    terminal.codegen.control.fault(path="/logs$", status=403, times=None)

    typed = await terminal.run("logs", "1")

    assert (typed.status, typed.stdout) == (1, "")
    assert typed.stderr.startswith("Codegen does not let the bot do this (403).")


async def test_interrupted_read_speaks_of_no_run(slow_terminal: Terminal) -> None:
    slow_terminal.codegen.control.fault(path="/agent/run/1$", status=503, headers={"Retry-After": "7"}, times=None)
    process = await slow_terminal.start("status", "1")
    assert process.stderr is not None
    async with asyncio.timeout(TIMEOUT):
        assert b"Retrying" in await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = await process.communicate()

    assert (process.returncode, stdout) == (130, b"")
    assert stderr.decode() == "Interrupted before there was an answer. Nothing was changed.\n"


class TestLogsFollow:
    async def test_service_that_does_not_answer(self, terminal: Terminal) -> None:
        """It would answer a minute later, which is not waited for."""
        terminal.codegen.start_elsewhere("fix it")
        terminal.codegen.control.fault(path="/logs$", status=503, headers={"Retry-After": "60"}, times=None)

        for words in (("--follow",), ("--follow", "--last", "1")):
            typed = await terminal.run("logs", "1", *words)
            assert (typed.status, typed.stdout, typed.stderr) == snapshot(
                (1, "", "Codegen failed, and retrying did not help (503): A scripted fault.\n")
            )

    async def test_stream_that_ends_early(self, slow_terminal: Terminal) -> None:
        slow_terminal.codegen.start_elsewhere("fix it")
        process = await slow_terminal.start("logs", "1", "--follow", "--json")
        assert process.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            first = json.loads(await process.stdout.readline())
            slow_terminal.codegen.control.fault(path="/logs$", status=403, times=None)
            stdout, stderr = await process.communicate()

        assert first["index"] == 0
        assert stderr.decode() == snapshot(
            "The log of run 1 cannot be followed beyond entry 1; the run itself is not affected. Codegen does not let the bot do this (403): A scripted fault.\n"
        )
        assert process.returncode == 1
        [line] = stdout.decode().splitlines()
        assert json.loads(line)["reason_code"] == "forbidden"

    async def test_end_is_reported_to_scripts_too(self, terminal: Terminal) -> None:
        terminal.codegen.start_elsewhere("fix it")
        typed = await terminal.run("logs", "1", "--follow", "--json")
        assert (typed.status, typed.stderr) == (0, "Run 1 has ended: succeeded.\n")


async def test_invalid_token_is_named(terminal: Terminal) -> None:
    typed = await terminal.run("runs", CODEGEN_API_TOKEN="wrong")

    assert (typed.status, typed.stdout) == (1, "")
    assert typed.stderr.startswith("`CODEGEN_API_TOKEN` is invalid: Codegen does not accept it (401).")
    assert "update it in the environment" in typed.stderr
