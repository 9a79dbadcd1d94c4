"""What a turn says to its agent."""

from __future__ import annotations

import pytest

from bot.agents.turn_texts import INTERRUPTED, prompt


@pytest.mark.parametrize("text", ["/src/app.py raises KeyError", " /retest", "\n/review all of it"])
def test_prompt_never_begins_with_an_agents_command(text: str) -> None:
    assert prompt(text, "", is_interrupted=False) == f"The task:\n\n{text}"
    assert prompt(text, "You work here.", is_interrupted=True) == f"{INTERRUPTED}\n\n{text}\n\nYou work here."


def test_prompt_is_otherwise_as_it_was_written() -> None:
    assert prompt("Fix src/app.py", "", is_interrupted=False) == "Fix src/app.py"
