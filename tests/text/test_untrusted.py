"""What a model or a log says is harmless before it stands in a comment."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.parsing.comment import read
from bot.text.untrusted import LONGEST, cut, fenced, inert, inert_words, inline_code, redact
from tests.harness.stuck import never_stuck
from tests.text.rendering import effects


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
        ("    @bob", "@\u200bbob"),
        ("\n\u200b    @bob\n\n    @bob\n", "@\u200bbob\n\n    @bob"),
        ("<!-- -->    @bob", "@\u200bbob"),
        ("!!![x](https://tracker/x.png)", "[x](https://tracker/x.png)"),
    ],
)
def test_inert_markdown_looks_the_same_and_does_nothing(text: str, expected: str) -> None:
    assert inert(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0915\u094d\u200d\u0937 \u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Hindi, Sinhala
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\u2764\ufe0f\u200d\U0001f525 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f9d1\U0001f3fd\u200d\U0001f4bb",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
        "\u0600\u0661\u0662 \u06dd\u0663",
    ],
)
def test_characters_that_shape_letters_and_emoji_are_kept(text: str) -> None:
    assert inert(f"a {text} b") == f"a {text} b"
    assert inert_words(text, 40) == text
    assert inline_code(text) == f"`{text}`"
    assert fenced(text) == f"```\n{text}\n```"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gh\u200dp_ \u0645\u200c x\u200c\u0645", "ghp_ \u0645 x\u0645"),
        ("\u0645\u200c\u200c\u0645 \u0645\u200b\u200c\u0645", "\u0645\u0645 \u0645\u0645"),
        ("\U0001f468\u200dx \u200d\U0001f468\u200d", "\U0001f468x \U0001f468"),
        ("x\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "x"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0073", "\U0001f3f4"),
        ("\U0001f3f4" + "\U000e0067" * 9 + "\U000e007f", "\U0001f3f4"),
        ("\U0001f468\u200d\U0001faff", "\U0001f468"),
        ("\u0645\u202e\u200e\u0645", "\u0645\u0645"),
    ],
)
def test_other_unseen_characters_are_taken_out(text: str, expected: str) -> None:
    assert inert(text) == expected
    assert inert(expected) == expected


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
def test_secret_is_taken_out_wherever_it_stands(secret: str) -> None:
    assert secret not in inert(f"it says `{secret}` here")
    assert redact(f"x {secret} y") == "x [redacted] y"


def test_what_is_named_a_secret_is_taken_out() -> None:
    assert redact("DB_PASSWORD=hunter2hunter2") == "DB_PASSWORD=[redacted]"
    assert redact("Authorization: Bearer abcdefghijklmnopqrstuv") == "Authorization: Bearer [redacted]"
    assert redact("postgresql://bot:hunter2@db/bot") == "postgresql://[redacted]@db/bot"
    assert redact("the token is short") == "the token is short"
    assert "hunter2" not in redact(r"{\"password\": \"hunter2hunter2\"}")


def test_token_glued_to_other_letters_is_taken_out() -> None:
    token = "ghp_" + "a" * 36
    assert redact(f"key%3D{token} x{token}") == "key%3D[redacted] x[redacted]"


def test_cut_closes_the_block_of_code_it_ends_in() -> None:
    text = cut("```py\n" + "line\n" * 100 + "```", 120)

    assert len(text) <= 120
    assert text.endswith("line\n```\n\n…")


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "`a`"), ("a `b`", "`` a `b` ``"), ("two\nlines", "`two lines`"), ("", "")]
)
def test_anything_can_stand_in_inline_code(text: str, expected: str) -> None:
    assert inline_code(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\n\nlines", "two lines"),
        ("```\n@bob\n```", "``` @bob ```"),
        ("~~~\n@bob\n~~~", "~~~ @\u200bbob ~~~"),
        ("```\n@bob", "''' @\u200bbob"),
        ("a `b` c", "a `b` c"),
        ("x\n\n    @bob", "x @\u200bbob"),
        ("> # - @bob", "> # - @\u200bbob"),
        ("a <!-- hidden\n\n--> b", "a  b"),
        ("[x]: https://codegen.com", "[x]\\: https://codegen.com"),
        ("\u200b", ""),
    ],
)
def test_inert_text_is_on_one_line(text: str, expected: str) -> None:
    assert inert_words(text, 100) == expected


def test_inert_text_is_cut() -> None:
    assert inert_words("one two three", 8) == "one two…"


REPEATED = [
    *("- ", "> ", "1) ", "!", "-", "`", "[", "![", "<!--", "[x]: ", "<div>"),
    *("<div>\n", "| a | b |\n", "|-\n", "a\n=\n", "- a\n"),
]


@pytest.mark.parametrize("repeated", REPEATED)
def test_inert_long_repetition_is_cut_to_a_comment(repeated: str) -> None:
    """The bound is on what is read: what makes it harmless may add to it."""
    with never_stuck():
        shown = inert("Words. " + repeated * (4 * LONGEST // len(repeated)) + "x")

    assert shown.startswith("Words.")
    assert len(shown) <= 4 * LONGEST


def test_inert_secret_across_the_limit_is_not_cut_in_two() -> None:
    secret = "ghp_" + "a1" * 18
    for limit in (LONGEST, 4 * LONGEST):
        words = "x " * (limit // 2 - 10)
        assert "a1a1" not in inert(f"{words}{secret} {words}")
        assert "a1a1" not in inert("\u200b" * (limit - 20) + f" {secret} {words}")


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
        "#1",
        "GH-2",
        "|",
        "\\",
        "]: ",
        "---",
        "&commat;",
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
@example("    @a")
@example("\u200b    @a ![x](https://t/x.png)<details>")
def test_stripping_changes_nothing_and_it_does_nothing(text: str) -> None:
    shown = inert(text)

    assert shown.strip() == shown
    assert effects(shown) == []


@given(st.lists(HOSTILE, max_size=3))
@example(["`", "` @a `"])
@example(["```\n@a\n```", "`"])
def test_inert_text_does_nothing_inside_other_text(texts: list[str]) -> None:
    fragments = [inert_words(text, 60) for text in texts]
    for shown in (f"- Attempt 1: {'; '.join(fragments)} and `code`", "\n".join(f"- {each}" for each in fragments)):
        assert effects(shown) == []


@given(HOSTILE)
def test_nothing_of_it_is_ever_read_as_a_command(text: str) -> None:
    assert read(inert(text)) == []


@given(HOSTILE, st.integers(min_value=50, max_value=200))
@example("```\n    ", 50)
def test_cut_keeps_its_limit_and_closes_its_markup(text: str, limit: int) -> None:
    shortened = cut(inert(text), limit)

    assert len(shortened) <= limit
    assert not re.search("never", shortened)
    assert [said.source for said in read(f"{shortened}\n\n/codegen help")] == ["help"]
