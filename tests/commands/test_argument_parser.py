"""The words of one command: flags, values and what follows them."""

from __future__ import annotations

import io
import shlex

from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.argument_parser import parse
from bot.commands.multi_run import MultiRun
from bot.commands.usage import InvalidCommand
from tests.stuck import never_stuck

VALUES = st.text(st.sampled_from("a=-'\"\\ \t\r\n\x0b\u2028"), min_size=1, max_size=12)


@given(VALUES)
@example("'a b'")
@example('"a \\"b\\" \\c"c\\ d')
@example("'")
@example("a\\")
@example("''")
def test_flag_value_is_read_as_by_a_shell(value: str) -> None:
    expected = _first_word(value)
    if value[0].isspace():
        return

    command = parse(f"multi-run -s {value} end", prefix="/codegen")

    if expected is None or not expected[0]:
        assert isinstance(command, InvalidCommand)
    elif not isinstance(command, InvalidCommand):
        assert isinstance(command, MultiRun)
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


def test_flag_value_may_be_long() -> None:
    """A picture stands in a comment as its data."""
    with never_stuck():
        command = parse(f"multi-run -s {'a' * 2_000_000} end", prefix="/codegen")

    assert isinstance(command, MultiRun)
