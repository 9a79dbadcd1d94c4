"""What a command ends with where it does not end well: the status, and one thing to read."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.outcome import ExitStatus
from tests.cli.terminal import Terminal, times_evened


@pytest.mark.parametrize(
    ("course", "status", "first_line"),
    [
        ({"outcome": "failure"}, 1, "[Run 1](https://codegen.com/agent/trace/1) failed after N s"),
        ({"outcome": "timeout"}, 4, "[Run 1](https://codegen.com/agent/trace/1) ran out of time after N s"),
        ({"outcome": "cancelled"}, 1, "[Run 1](https://codegen.com/agent/trace/1) was stopped after N s"),
    ],
)
async def test_a_run_that_ends_badly_is_a_result(
    course: dict[str, str], status: int, first_line: str, terminal: Terminal
) -> None:
    terminal.codegen.script(**course)

    typed = await terminal.types("run", "fix it")

    assert typed.status == status
    assert times_evened(typed.printed).startswith(first_line)


async def test_patience_ends(slow_terminal: Terminal) -> None:
    typed = await slow_terminal.types("run", "fix it", "--timeout-minutes", "0.01")

    assert typed.status == ExitStatus.TIMED_OUT
    assert times_evened(typed.printed) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) is still working after N s; it is followed no longer here, and goes on.

Next: `codegen-bot status 1` shows how far it is.
""")


async def test_a_patience_that_is_no_number_is_told_before_a_run_is_started(terminal: Terminal) -> None:
    typed = await terminal.types("run", "fix it", "--timeout-minutes", "nan")

    assert (typed.status, terminal.codegen.runs) == (ExitStatus.USAGE, {})
    assert typed.told.startswith("`--timeout-minutes` takes a number of minutes, more than 0.\n")


async def test_a_used_up_plan_has_a_status_of_its_own(terminal: Terminal) -> None:
    terminal.codegen.script(outcome="quota")

    typed = await terminal.types("run", "fix it")

    assert (typed.status, typed.printed) == (ExitStatus.QUOTA_USED_UP, "")
    assert typed.told == snapshot("""\
Accepted. Starting an agent run…
Codegen starts no more agent runs: the plan's runs are used up (402).

> Agent run limit reached for this billing period.

Next: somebody who manages the Codegen organization raises the plan or awaits its renewal; then run it again.
""")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (
            ("status",),
            3,
            (
                "Without a pull request or an issue there is no latest run: name one by its number, as in "
                "`codegen-bot status 7`.\n"
            ),
        ),
        (
            ("run",),
            2,
            (
                "The prompt is missing: say what the agent is to do.\n"
                "For example: codegen-bot run fix the flaky checkout test\n"
            ),
        ),
        (
            ("run", "-m", "a", "-m", "b", "fix it"),
            2,
            "`--model` was given 2 times.\nFor example: codegen-bot run fix the flaky checkout test\n",
        ),
        (
            ("status", "seven"),
            2,
            "`status` takes a run's number and nothing else.\nFor example: codegen-bot status 7\n",
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
            "octo/shop#99: GitHub knows nothing of the kind (404): Not Found\n",
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
async def test_what_cannot_be_done_is_told_on_the_error_output(
    words: tuple[str, ...], status: int, told: str, terminal: Terminal
) -> None:
    typed = await terminal.types(*words)

    assert (typed.status, typed.printed, typed.told) == (status, "", told)
    assert terminal.codegen.runs == {}


async def test_what_is_missing_is_named_to_people_and_scripts(terminal: Terminal) -> None:
    typed = await terminal.types("runs", "--json", without="CODEGEN_API_TOKEN")

    assert (typed.status, typed.document["reason_code"], typed.document["exit_status"]) == (2, "bad-input", 2)
    assert "CODEGEN_API_TOKEN is missing." in typed.told
    assert "GITHUB_TOKEN" not in typed.told


async def test_github_is_needed_only_where_it_is(terminal: Terminal) -> None:
    assert (await terminal.types("runs", without="GITHUB_TOKEN")).status == 0

    typed = await terminal.types("status", "--thread", "octo/shop#1", without="GITHUB_TOKEN")

    assert (typed.status, typed.printed) == (1, "")
    assert "GITHUB_TOKEN is not set, and this needs GitHub" in typed.told


async def test_a_codegen_that_knows_nothing_of_it_is_quoted(terminal: Terminal) -> None:
    typed = await terminal.types("status", "99")

    assert (typed.status, typed.printed) == (1, "")
    assert typed.told == snapshot("""\
Codegen knows nothing of the kind (404).

> Agent run 99 not found.

Next: check the number; the bot sees only what belongs to its organization and this repository.
""")
