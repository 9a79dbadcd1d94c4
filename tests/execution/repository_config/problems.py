"""What is wrong with a text, as a person reads it."""

from __future__ import annotations

import pytest

from bot.execution.repository_config.problems import ConfigProblem, ConfigProblems
from bot.execution.repository_config.reading import read

COMMANDS = ("run", "multi-run", "status", "help")


def problems(text: str) -> tuple[ConfigProblem, ...]:
    with pytest.raises(ConfigProblems) as caught:
        read(text, commands=COMMANDS)
    return caught.value.problems


def only_problem(text: str) -> str:
    (problem,) = problems(text)
    return str(problem)
