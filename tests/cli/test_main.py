"""The table of subcommands."""

from __future__ import annotations

from collections import Counter

import click
import pytest
from click.testing import CliRunner

from bot import __version__
from bot.cli.commands import WAITING, subcommand
from bot.cli.main import SUBCOMMANDS, main
from bot.commands.table import COMMANDS

ALL = [*dict.fromkeys((*COMMANDS, *SUBCOMMANDS))]


def test_help_shows_every_subcommand_once_with_its_sentence() -> None:
    result = CliRunner().invoke(main, ["--help"], terminal_width=200)

    assert result.exit_code == 0
    assert '"codegen-bot demo" needs no account' in result.stdout
    listed = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ") and line[2:3].isalpha()]
    assert Counter(listed[2:]) == Counter(ALL)


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"codegen-bot, version {__version__}\n"


@pytest.mark.parametrize("name", ALL)
def test_every_subcommand_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 4


def test_only_help_is_made_twice() -> None:
    """It is a command of comments too; here it needs no account."""
    assert {*COMMANDS} & {*SUBCOMMANDS} == {"help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_stands_in_anothers_way(name: str) -> None:
    """The commands' own flags, with their short forms, and those of the command line."""
    made = subcommand(name)
    spellings = [each for option in made.params if isinstance(option, click.Option) for each in option.opts]
    assert [each for each, count in Counter([*spellings, "-h", "--help"]).items() if count > 1] == []
    assert {flag.name for flag in COMMANDS[name].USAGE.flags} <= {*spellings}


@pytest.mark.parametrize("name", COMMANDS)
def test_only_what_sets_runs_going_can_be_waited_for(name: str) -> None:
    assert ("--wait" in CliRunner().invoke(main, [name, "--help"]).stdout) is (name in WAITING)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("staus", "There is no command 'staus'. Did you mean \"status\"?"),
        ("qqq", "There is no command 'qqq'. \"codegen-bot --help\" lists all commands."),
    ],
)
def test_a_mistyped_name_gets_the_nearest_one(typed: str, told: str) -> None:
    result = CliRunner().invoke(main, [typed])

    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert "_CODEGEN_BOT_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("typed", "found"), [("codegen-bot mul", "multi-run"), ("codegen-bot run --pr", "--prompt-file")]
)
def test_names_and_options_are_completed(typed: str, found: str) -> None:
    environ = {
        "_CODEGEN_BOT_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    result = CliRunner().invoke(main, [], env=environ, prog_name="codegen-bot")

    assert result.stdout == f"plain,{found}\n"
