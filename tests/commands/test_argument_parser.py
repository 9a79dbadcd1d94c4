"""The words of one command: flags, values and what follows them."""

from __future__ import annotations

import io
import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.help import Help
from bot.commands.list_runs import Status
from bot.commands.logs import Logs
from bot.commands.multi_run import MultiRun
from bot.commands.parsing.arguments import parse
from bot.commands.registry import Command
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.usage import InvalidCommand
from bot.commands.whoami import WhoAmI
from tests.harness.stuck import never_stuck

VALUES = st.text(st.sampled_from("a=-'\"\\ \t\r\n\x0b\u2028"), min_size=1, max_size=12)


@given(VALUES)
@example("'a b'")
@example('"a \\"b\\" \\c"c\\ d')
@example("'")
@example("a\\")
@example("''")
@example("=\t--")
@example("=\n--")
def test_flag_value_is_read_as_by_a_shell(value: str) -> None:
    expected = _first_word(value)
    if value[0].isspace():
        return

    command, _ = parse(f"multi-run -s {value} end", prefix="/codegen")

    if expected is None or not expected[0]:
        assert isinstance(command, InvalidCommand)
    elif not isinstance(command, InvalidCommand):
        assert isinstance(command, MultiRun)
        if "-" in value.lstrip()[1:]:
            # What follows the value may be another flag, or end the flags.
            assert command.synthesis_prompt == expected[0]
            return
        assert (command.synthesis_prompt, command.prompt) == (expected[0], expected[1].strip())


def _first_word(value: str) -> tuple[str, str] | None:
    """By `shlex`, and what follows it; None where a quotation is not closed."""
    text = f"{value} end"
    stream = io.StringIO(text)
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return lexer.get_token() or "", text[stream.tell() :]
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("“take the best of both”", "take the best of both"),
        ("„nimm das Beste“", "nimm das Beste"),
        ("”ta det bästa”", "ta det bästa"),
        ("« le meilleur »", "le meilleur"),
        ("»das Beste«", "das Beste"),
        ("‘don’t stop’", "don’t stop"),
        ("‚eins, zwei‘", "eins, zwei"),
        ("don’t", "don’t"),
    ],
)
def test_typographic_quotes_are_quotes(value: str, expected: str) -> None:
    command, _ = parse(f"multi-run --synthesis-prompt {value} fix the bug", prefix="/codegen")

    assert isinstance(command, MultiRun)
    assert (command.synthesis_prompt, command.prompt) == (expected, "fix the bug")


def test_typographic_quote_must_be_closed() -> None:
    command, _ = parse("multi-run -s “take the best fix the bug", prefix="/codegen")

    assert isinstance(command, InvalidCommand)
    assert command.text.startswith("A quotation mark behind `--synthesis-prompt` is not closed.")


@pytest.mark.parametrize("flag", ["——model", "–-model", "−−model", "‑‑model", "—model", "---model", "-model", "−m"])
def test_any_dashes_before_a_known_flag(flag: str) -> None:
    command, _ = parse(f"run {flag} small fix — the bug", prefix="/codegen")

    assert command == Run("fix — the bug", model="small")


@pytest.mark.parametrize("prompt", ["-5 is not a valid total", "—fix it", "- a list", "––– fix"])
def test_dashes_before_other_words_are_the_prompt(prompt: str) -> None:
    assert parse(f"run {prompt}", prefix="/codegen")[0] == Run(prompt)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("help!", Help()),
        ("whoami?", WhoAmI()),
        ("status\\", Status()),
        ("Status:", Status()),
        ("status #7", Status(7)),
        ("status [run 7](https://app.codegen.com/agent/trace/7)", Status(7)),
        ("status [#7](https://bot.example.com/#/runs/7)", Status(7)),
        ("status https://app.codegen.com/agent/trace/7", Status(7)),
        ("logs #7 --last 3", Logs(7, 3)),
        ("resume #7 is still open", Resume("#7 is still open")),
        ("resume [run 7](https://codegen.com/agent/trace/7) go on", Resume("go on", 7)),
    ],
)
def test_punctuation_and_links_around_names_and_runs(text: str, expected: Command) -> None:
    assert parse(text, prefix="/codegen")[0] == expected


def test_flag_value_may_be_long() -> None:
    """A picture stands in a comment as its data."""
    with never_stuck():
        command, _ = parse(f"multi-run -s {'a' * 2_000_000} end", prefix="/codegen")

    assert isinstance(command, MultiRun)
