"""The table of commands, and help as data beside them."""

from bot.commands.parsing.comment import read
from bot.commands.registry import COMMANDS


def test_every_command_stands_under_its_own_name() -> None:
    assert [command.USAGE.name for command in COMMANDS.values()] == list(COMMANDS)


def test_every_example_is_read_as_its_command() -> None:
    for name, command in COMMANDS.items():
        [said] = read(f"/codegen {command.USAGE.example}")
        assert type(said.command) is command, name


def test_every_flag_of_a_form_is_described() -> None:
    for command in COMMANDS.values():
        for flag in command.USAGE.flags:
            assert flag.name in command.USAGE.form
            assert flag.short.startswith("-")
