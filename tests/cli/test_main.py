"""The table of subcommands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot import __version__
from bot.cli.commands import WAITING, subcommand
from bot.cli.main import COMMENT_COMMANDS, SUBCOMMANDS, LazyGroup, main
from bot.commands.registry import COMMANDS
from bot.execution.outcome import ExitStatus

ALL = [*dict.fromkeys((*COMMANDS, *SUBCOMMANDS))]


def test_help_lists_every_subcommand_once() -> None:
    result = CliRunner().invoke(main, ["--help"], terminal_width=200)

    assert result.exit_code == 0
    assert '"codegen-bot demo" needs no account' in result.stdout
    listed = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ") and line[2:3].isalpha()]
    assert Counter(listed[2:]) == Counter(ALL)


def test_help_table_has_the_summaries_of_the_usages() -> None:
    summaries = {name: command.USAGE.summary for name, command in COMMANDS.items() if name not in SUBCOMMANDS}
    assert [*COMMENT_COMMANDS.items()] == [*summaries.items()]


def test_help_imports_no_command() -> None:
    """click imports all of its own; more would be paid at every start."""
    program = "import sys\nfrom bot.cli.main import main\nmain(['--help'], standalone_mode=False)\nprint(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert [name for name in loaded if name.split(".")[0] == "bot"] == ["bot", "bot.cli", "bot.cli.main"]


def test_version_is_the_packages() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"codegen-bot, version {__version__}\n"


@pytest.mark.parametrize("name", ALL)
def test_every_subcommand_has_help(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 4


def test_ctrl_c_during_imports_is_an_interruption() -> None:
    class Interrupted(LazyGroup):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            raise KeyboardInterrupt

    result = CliRunner().invoke(Interrupted("codegen-bot"), ["run", "fix it"])

    assert (result.exit_code, result.stdout) == (ExitStatus.INTERRUPTED, "")
    assert result.stderr.endswith("Interrupted.\n")


def test_help_is_the_only_name_in_both_tables() -> None:
    """It is a command of comments too; here it needs no account."""
    assert {*COMMANDS} & {*SUBCOMMANDS} == {"help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_options_do_not_collide(name: str) -> None:
    """The commands' own flags, with their short forms, and those of the command line."""
    made = subcommand(name)
    spellings = [each for option in made.params if isinstance(option, click.Option) for each in option.opts]
    assert [each for each, count in Counter([*spellings, "-h", "--help"]).items() if count > 1] == []
    assert {flag.name for flag in COMMANDS[name].USAGE.flags} <= {*spellings}


@pytest.mark.parametrize("name", COMMANDS)
def test_wait_is_offered_for_commands_that_start_runs(name: str) -> None:
    assert ("--wait" in CliRunner().invoke(main, [name, "--help"]).stdout) is (name in WAITING)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("staus", "There is no command 'staus'. Did you mean \"status\"?"),
        ("qqq", "There is no command 'qqq'. \"codegen-bot --help\" lists all commands."),
    ],
)
def test_mistyped_name_gets_a_suggestion(typed: str, hint: str) -> None:
    result = CliRunner().invoke(main, [typed])

    assert result.exit_code == 2
    assert hint in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert "_CODEGEN_BOT_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("typed", "found"), [("codegen-bot mul", "multi-run"), ("codegen-bot run --pr", "--prompt-file")]
)
def test_completion_of_names_and_options(typed: str, found: str) -> None:
    environ = {
        "_CODEGEN_BOT_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    result = CliRunner().invoke(main, [], env=environ, prog_name="codegen-bot")

    assert result.stdout == f"plain,{found}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["stauts"], "There is no command 'stauts'. Did you mean \"status\"?"),
        (["run", "--frobnicate", "x"], "No such option '--frobnicate'."),
        (["run", "--agent-typ", "x"], "No such option '--agent-typ'. Did you mean '--agent-type'?"),
        (["serve", "--prot", "1"], "No such option '--prot'. Did you mean '--port'?"),
    ],
)
def test_mistyped_name_gets_only_likely_proposals(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"Error: {sentence}\n")

    scripted = CliRunner().invoke(main, [*words, "--json"])
    document = json.loads(scripted.stdout)
    assert (scripted.exit_code, document["reason_code"], document["exit_status"]) == (2, "bad-input", 2)
    assert document["text"] == sentence


@pytest.mark.parametrize(
    ("name", "hidden", "shown"),
    [
        ("users", ("--thread", "--repository", "--comment", "--dry-run"), ("--json",)),
        ("keep", ("--repository",), ("--thread", "--comment")),
        ("run", (), ("--thread", "--repository", "--comment", "--dry-run")),
    ],
)
def test_help_leaves_out_what_makes_no_difference(name: str, hidden: tuple[str, ...], shown: tuple[str, ...]) -> None:
    text = CliRunner().invoke(main, [name, "--help"]).stdout
    assert [each for each in hidden if each in text] == []
    assert [each for each in shown if each not in text] == []
