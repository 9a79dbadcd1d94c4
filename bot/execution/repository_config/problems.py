"""The errors in a config file: each with its line, all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import BotError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_PROBLEMS = 20
"""Problems of one file that are reported; a file with more of them is not a config file."""

MESSAGES = {
    "missing": "is missing",
    "string_type": "should be text; put it in quotes",
    "tuple_type": "should be a list",
    "mapping_type": "should be a map of keys and values",
    "model_type": "should be a map of keys and values",
}
"""In place of pydantic's own messages, by the error's type."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One error in a config file.

    :param line: counted from 1; None if two valid files conflict
    :param column: counted from 1, if it is known
    :param sentence: plain text in one line; it may show a few words of the file
    """

    line: int | None
    column: int | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence if self.line is None else f"Line {self.line}: {self.sentence}"


class ConfigProblems(BotError):  # noqa: N818 - it is all of them, not one error
    """A config file that cannot be used; `problems` are in the order of their lines, and at least one."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = _few(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def _few(problems: list[ConfigProblem]) -> tuple[ConfigProblem, ...]:
    more = problems[MOST_PROBLEMS:]
    if len(more) < 2:  # the last one is no longer than the sentence that would replace it
        return tuple(problems)
    rest = ConfigProblem(more[0].line, None, f"{len(more)} more problems from here on.")
    return (*problems[:MOST_PROBLEMS], rest)


def value_sentence(
    error: ErrorDetails, place: Sequence[str | int], *, messages: Mapping[str, str], shapes: Mapping[str, str]
) -> str:
    """What is wrong with a value.

    :param place: the value's, as keys and indexes
    :param messages: in place of pydantic's own, by the error's type
    :param shapes: what a text should be, by the pattern that it does not match
    """
    name, entry = [str(part) for part in place], ""
    if isinstance(place[-1], int):
        name, entry = name[:-1], f"Entry {place[-1] + 1} of "
    message = messages.get(error["type"], error["msg"])
    if error["type"] == "string_pattern_mismatch":
        message = f"should be {shapes[error['ctx']['pattern']]}"
    elif " should " in message:  # "Input should be", "String should have"
        message = f"should {message.partition(' should ')[2]}"
    return f'{entry}"{shown(".".join(name))}" {message}{"" if message.endswith(("?", ".")) else "."}'


def shown(text: str, most: int = 60) -> str:
    """A part of the file, safe to quote in a sentence: one line, visible, short."""
    text = " ".join(text[: 10 * most].split())
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
