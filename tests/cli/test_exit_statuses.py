"""Failures on the command line: the exit status, and one message."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.execution.outcome import ExitStatus
from tests.harness.terminal import Terminal, without_times


@pytest.mark.parametrize(
    ("course", "status", "first_line"),
    [
        ({"outcome": "failure"}, 1, "[Run 1](https://codegen.com/agent/trace/1) failed after N s"),
        ({"outcome": "timeout"}, 4, "[Run 1](https://codegen.com/agent/trace/1) ran out of time after N s"),
        ({"outcome": "cancelled"}, 1, "[Run 1](https://codegen.com/agent/trace/1) was stopped after N s"),
    ],
)
async def test_failed_run_is_printed_as_result(
    course: dict[str, str], status: int, first_line: str, terminal: Terminal
) -> None:
    terminal.codegen.script(**course)

    typed = await terminal.run("run", "fix it")

    assert typed.status == status
    assert without_times(typed.stdout).startswith(first_line)


async def test_run_timeout(slow_terminal: Terminal) -> None:
    typed = await slow_terminal.run("run", "fix it", "--timeout-minutes", "0.01")

    assert typed.status == ExitStatus.TIMED_OUT
    assert without_times(typed.stdout) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) is still running after N s; it continues, but the bot no longer follows it.

Next: `codegen-bot status 1` shows its progress.
""")


async def test_invalid_timeout_starts_no_run(terminal: Terminal) -> None:
    typed = await terminal.run("run", "fix it", "--timeout-minutes", "nan")

    assert (typed.status, terminal.codegen.runs) == (ExitStatus.USAGE, {})
    assert typed.stderr.startswith("`--timeout-minutes` takes a number of minutes, more than 0.\n")


async def test_used_up_plan(terminal: Terminal) -> None:
    terminal.codegen.script(outcome="quota")

    typed = await terminal.run("run", "fix it")

    assert (typed.status, typed.stdout) == (ExitStatus.QUOTA_USED_UP, "")
    assert typed.stderr == snapshot("""\
Accepted. Starting an agent run…
Codegen starts no more agent runs: the plan's runs are used up (402).

> Agent run limit reached for this billing period.

Next: whoever manages the Codegen organization must raise the plan or wait for its renewal; then run it again.
""")


@pytest.mark.parametrize(
    ("words", "status", "stderr"),
    [
        (
            ("status",),
            3,
            (
                "Without a pull request or an issue there is no latest run: name one by number, as in "
                "`codegen-bot status 7`.\n"
            ),
        ),
        (
            ("run",),
            2,
            ("The prompt is missing: say what to do.\nFor example: codegen-bot run fix the flaky checkout test\n"),
        ),
        (
            ("run", "-m", "a", "-m", "b", "fix it"),
            2,
            "`--model` was given 2 times.\nFor example: codegen-bot run fix the flaky checkout test\n",
        ),
        (
            ("status", "seven"),
            2,
            "`status` takes a run number and nothing else.\nFor example: codegen-bot status 7\n",
        ),
        (
            ("status", "7", "--thread", "octo/shop#1", "--repository", "octo/shop"),
            2,
            (
                "`--thread octo/shop#1` already names the repository: leave out `--repository`.\n"
                "For example: codegen-bot status 7\n"
            ),
        ),
        (
            ("run", "fix it", "--comment"),
            2,
            (
                "`--comment` needs a thread: `--thread octo/shop#7`.\n"
                "For example: codegen-bot run fix the flaky checkout test\n"
            ),
        ),
        (
            ("run", "fix it", "--thread", "octo/shop#99"),
            1,
            "octo/shop#99: GitHub did not find it (404): Not Found.\n",
        ),
        (
            ("logs", "--follow"),
            2,
            (
                "`--follow` needs a run's number, or `--thread` for a thread's latest run.\n"
                "For example: codegen-bot logs 7 --last 50\n"
            ),
        ),
    ],
)
async def test_refusal_is_printed_to_stderr(
    words: tuple[str, ...], status: int, stderr: str, terminal: Terminal
) -> None:
    typed = await terminal.run(*words)

    assert (typed.status, typed.stdout, typed.stderr) == (status, "", stderr)
    assert terminal.codegen.runs == {}


async def test_missing_settings_are_named(terminal: Terminal) -> None:
    typed = await terminal.run("runs", "--json", without="CODEGEN_API_TOKEN")

    assert (typed.status, typed.document["reason_code"], typed.document["exit_status"]) == (2, "bad-input", 2)
    assert "CODEGEN_API_TOKEN is missing." in typed.stderr
    assert "GITHUB_TOKEN" not in typed.stderr


async def test_github_token_is_needed_for_threads_only(terminal: Terminal) -> None:
    assert (await terminal.run("runs", without="GITHUB_TOKEN")).status == 0

    typed = await terminal.run("status", "--thread", "octo/shop#1", without="GITHUB_TOKEN")

    assert (typed.status, typed.stdout) == (1, "")
    assert "GITHUB_TOKEN is not set, and this needs GitHub" in typed.stderr


async def test_codegen_error_is_quoted(terminal: Terminal) -> None:
    typed = await terminal.run("status", "99")

    assert (typed.status, typed.stdout) == (1, "")
    assert typed.stderr == snapshot("""\
Codegen did not find it (404).

> Agent run 99 not found.

Next: check the number; the bot sees only what belongs to its organization and this repository.
""")
