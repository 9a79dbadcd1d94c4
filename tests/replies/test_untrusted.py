"""What a model or a log says is harmless before it stands in a comment."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.reading import read
from bot.replies.untrusted import cut, inert, inline_code, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask @bob and @octo/team", "ask @\u200bbob and @\u200bocto/team"),
        ("code `@bob` stays", "code `@bob` stays"),
        ("```\n@bob <b>\n```", "```\n@bob <b>\n```"),
        ("/codegen run this", "\\/codegen run this"),
        ("> - /deploy now", "> - \\/deploy now"),
        ("a <!-- hidden --> b", "a  b"),
        ("<details>\n<img src=x>", "&lt;details>\n&lt;img src=x>"),
        ("1 < 2", "1 < 2"),
        ("![pixel](https://tracker/x.png)", "[pixel](https://tracker/x.png)"),
        ("zero\u200bwidth \u202eright\u202c", "zerowidth right"),
        ("```py\nnever closed", "```py\nnever closed\n```"),
        ("<div>\n```\n</div>\n\n```\n@bob\n```", "&lt;div>\n```\n</div>\n\n```\n@\u200bbob\n```\n```"),
    ],
)
def test_it_looks_as_meant_and_does_nothing(text: str, expected: str) -> None:
    assert inert(text) == expected


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_" + "a" * 36,
        "github_pat_" + "a" * 60,
        "sk-ant-" + "a" * 40,
        "xoxb-123456789012-abcdef",
        "AKIA" + "A" * 16,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_secret_is_taken_out_wherever_it_stands(secret: str) -> None:
    assert secret not in inert(f"it says `{secret}` here")
    assert redact(f"x {secret} y") == "x [redacted] y"


def test_what_is_named_a_secret_is_taken_out() -> None:
    assert redact("DB_PASSWORD=hunter2hunter2") == "DB_PASSWORD=[redacted]"
    assert redact("Authorization: Bearer abcdefghijklmnopqrstuv") == "Authorization: Bearer [redacted]"
    assert redact("postgresql://bot:hunter2@db/bot") == "postgresql://[redacted]@db/bot"
    assert redact("the token is short") == "the token is short"
    assert "hunter2" not in redact(r"{\"password\": \"hunter2hunter2\"}")


def test_a_token_glued_to_other_letters_is_taken_out() -> None:
    token = "ghp_" + "a" * 36
    assert redact(f"key%3D{token} x{token}") == "key%3D[redacted] x[redacted]"


def test_a_cut_closes_the_block_of_code_it_ends_in() -> None:
    text = cut("```py\n" + "line\n" * 100 + "```", 120)

    assert len(text) <= 120
    assert text.endswith("line\n```\n\n…")


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "`a`"), ("a `b`", "`` a `b` ``"), ("two\nlines", "`two lines`"), ("", "")]
)
def test_anything_can_stand_in_inline_code(text: str, expected: str) -> None:
    assert inline_code(text) == expected


ALPHABET = st.sampled_from(
    [
        "@a",
        "/codegen run",
        "\n",
        "```",
        "`",
        "~~~",
        ">",
        "<",
        "<!--",
        "-->",
        "![",
        "](",
        " ",
        "- ",
        "\u200b",
        "\u202e",
        "x",
        "    ",
        "<div>",
        "1. ",
    ]
)
HOSTILE = st.lists(ALPHABET, max_size=40).map("".join)


@given(HOSTILE)
@example("<div>\n```\n@a")
@example("![\n![")
def test_doing_it_twice_changes_nothing(text: str) -> None:
    once = inert(text)

    assert inert(once) == once


@given(HOSTILE)
def test_nothing_of_it_is_ever_read_as_a_command(text: str) -> None:
    assert read(inert(text)) == []


@given(HOSTILE, st.integers(min_value=50, max_value=200))
@example("```\n    ", 50)
def test_a_cut_never_exceeds_its_limit_and_swallows_nothing_behind_it(text: str, limit: int) -> None:
    shortened = cut(inert(text), limit)

    assert len(shortened) <= limit
    assert not re.search("never", shortened)
    assert [said.source for said in read(f"{shortened}\n\n/codegen help")] == ["help"]
