"""The placeholders of named prompts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.execution.repository_config.prompts import PLACEHOLDERS, fill, misplaced, placeholders


def filled(prompt: str) -> str:
    return fill(prompt, title="Off by a cent", link="https://x.test/1", branch="cents", rest="quickly")


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Fix it.", "Fix it."),
        ("{title} {link} {branch} {rest}", "Off by a cent https://x.test/1 cents quickly"),
        ("{branch}{branch}", "centscents"),
        ("{{title}}", "{title}"),
        ("{{{title}}}", "{Off by a cent}"),
        ("{{}}", "{}"),
        ('{{"a": {{}}}}', '{"a": {}}'),
        ("$title %s \\1", "$title %s \\1"),
    ],
)
def test_placeholders_are_filled_in(prompt: str, expected: str) -> None:
    assert misplaced(prompt) is None
    assert filled(prompt) == expected


def test_what_is_filled_in_is_not_read_again() -> None:
    assert fill("{title}|{rest}", title="{rest} {{", link="", branch="", rest="{title}") == "{rest} {{|{title}"


@pytest.mark.parametrize(
    "prompt", ["{titel}", "{ title }", "{}", "a { b", "a } b", "{a{b}", "{title", "title}", "{{title}"]
)
def test_anything_else_in_braces_is_misplaced_and_left_as_it_is(prompt: str) -> None:
    assert misplaced(prompt) is not None
    assert "Off by a cent" not in filled(prompt)


def test_placeholders_of_a_prompt_are_reported() -> None:
    assert placeholders("{rest} {{title}} {link} {zzz}") == {"rest", "link"}


@given(st.text(alphabet="{}ab", max_size=30) | st.text())
def test_doubled_braces_say_any_text(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")

    assert misplaced(doubled) is None
    assert filled(doubled) == text


@given(st.lists(st.sampled_from([*(f"{{{name}}}" for name in PLACEHOLDERS), "{", "}", "x", "{x}"])).map("".join))
def test_filling_never_fails(prompt: str) -> None:
    filled(prompt)
