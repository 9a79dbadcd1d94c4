"""What a turn says to its agent."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.agents.turn_texts import EARLIER_LIMIT, INTERRUPTED, prompt, recap
from bot.storage.agent_models import EarlierTurns


@pytest.mark.parametrize("text", ["/src/app.py raises KeyError", " /retest", "\n/review all of it"])
def test_prompt_never_begins_with_an_agents_command(text: str) -> None:
    assert prompt(text) == f"The task:\n\n{text}"
    assert prompt(text, place="You work here.", is_interrupted=True) == f"{INTERRUPTED}\n\n{text}\n\nYou work here."


def test_prompt_is_otherwise_as_it_was_written() -> None:
    assert prompt("Fix src/app.py") == "Fix src/app.py"


def test_prompt_tells_what_was_asked_before() -> None:
    earlier = EarlierTurns(("Fix the cart\n\nAll of it.", "Also the tax"), "Fixed.")
    assert prompt("Go on", earlier=recap(earlier), place="You work here.") == snapshot("""\
You continue a run that began in another session. Its files are as they were left. What was asked then:

> Fix the cart
>
> All of it.

> Also the tax

How that ended:

> Fixed.

The task:

Go on

You work here.\
""")


def test_recap_keeps_the_first_and_the_latest_prompts_and_cuts_long_ones() -> None:
    told = recap(EarlierTurns(tuple(f"Prompt {number}" for number in range(10)), "a" * 2 * EARLIER_LIMIT))
    assert [number for number in range(10) if f"> Prompt {number}" in told] == [0, 5, 6, 7, 8, 9]
    assert "(4 more)" in told
    assert len(told) < EARLIER_LIMIT + 500
    assert recap(EarlierTurns()) == ""
