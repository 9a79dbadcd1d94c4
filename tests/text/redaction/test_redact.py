"""What is taken out of texts before they are shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.redaction.named import is_secret_name
from bot.text.redaction.redact import REDACTED, redact, redact_patterns
from bot.text.redaction.redacting import redact_json, redacted
from tests.harness.stuck import never_stuck
from tests.text.redaction.harmless_table import HARMLESS
from tests.text.redaction.secret_table import KEY_LINES, LAST, NAMED, NOT_RECOGNISABLE, PASSWORD, TOKENS

GITHUB, STRIPE = TOKENS["GitHub, classic"], TOKENS["Stripe"]


@pytest.mark.parametrize("provider", TOKENS)
def test_redact_takes_out_a_providers_token(provider: str) -> None:
    assert redact(f"it says {TOKENS[provider]} here") == "it says [redacted] here"


@pytest.mark.parametrize("form", NAMED)
def test_redact_removes_secrets_known_by_context(form: str) -> None:
    text, secret = NAMED[form]
    redacted = redact(text.format(secret))

    pieces = [secret[start : start + 8] for start in range(max(len(secret) - 7, 1))]
    assert [piece for piece in pieces if piece in redacted] == []
    assert redact(redacted) == redacted


@pytest.mark.parametrize("form", NOT_RECOGNISABLE)
def test_redact_leaves_what_has_no_shape(form: str) -> None:
    text, _reason = NOT_RECOGNISABLE[form]

    assert redact(text) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_redact_leaves_harmless_texts(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"DB_PASSWORD={PASSWORD}", "DB_PASSWORD=[redacted]"),
        (f'"password": "{PASSWORD}",', '"password": "[redacted]",'),
        (f"Authorization: Bearer {PASSWORD * 2}", "Authorization: Bearer [redacted]"),
        (f"postgresql://bot:{PASSWORD}@db/bot", "postgresql://[redacted]@db/bot"),
        (f"key%3D{GITHUB} x{GITHUB}", "key%3D[redacted] x[redacted]"),
        (f"before\n{KEY_LINES[0]}\n{LAST}\nafter", "before\n[redacted]\nafter"),
        (f"a {GITHUB}{STRIPE} b", "a [redacted] b"),
    ],
)
def test_redact_keeps_what_stands_around_a_secret(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "hidden",
    [
        "\x1b[31m",
        "\x1b[1;38;5;9m",
        "\\u001b[0m",
        "\\x1b[0m",
        "\x1b]8;;https://x\x07",
        "\u200b",
        "\u00ad",
        "\u202e",
        "\x00",
    ],
)
def test_redact_sees_through_hidden_characters(hidden: str) -> None:
    split = f"{GITHUB[:9]}{hidden}{GITHUB[9:20]}{hidden}{GITHUB[20:]}"

    assert redact(f"{hidden}a {split}{hidden} b") == f"{hidden}a [redacted]{hidden} b"
    assert redact(f"a {hidden}b") == f"a {hidden}b"


def test_redacted_knows_a_secret_by_its_name() -> None:
    document = {
        "env": {"DB_PASSWORD": "x1y2", "PATH": "/usr/bin", "TOKEN": "${TOKEN}"},
        "variables": [{"name": "API_KEY", "value": "abcd1"}, {"name": "HOME", "value": "/root"}],
        GITHUB: 1,
        "token": 5,
        "says": f"{GITHUB}",
    }

    assert redacted(document) == {
        "env": {"DB_PASSWORD": "[redacted]", "PATH": "/usr/bin", "TOKEN": "${TOKEN}"},
        "variables": [{"name": "API_KEY", "value": "[redacted]"}, {"name": "HOME", "value": "/root"}],
        "[redacted]": 1,
        "token": 5,
        "says": "[redacted]",
    }


@pytest.mark.parametrize(
    "name", ["SECRET_KEY_BASE", "apiKey", "x-api-key", "DB_PASS", "GH_TOKEN_2", "vault_secret_id", "jwt"]
)
def test_is_secret_name_reads_parts_of_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["tokenizer", "max_tokens", "keyboard", "token_url", "publicKey", "compass", "author", ""]
)
def test_is_secret_name_passes_other_names(name: str) -> None:
    assert not is_secret_name(name)


PIECES = [
    *"aA0-_=:/.@\"'\\ \n\u0130\u200b\x1b[]",
    "token",
    "password",
    "-----",
    "bearer ",
    "sk-",
    "value",
    "auth",
    "PRIVATE KEY",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_redact_changes_nothing_the_second_time(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


def test_redacted_takes_the_value_of_an_option() -> None:
    command = ["deploy", "--token", "abcd1234", "--verbose", "yes"]

    assert redacted(command) == ["deploy", "--token", "[redacted]", "--verbose", "yes"]


def test_redact_json_applies_each_items_own_patterns() -> None:
    body = json.dumps({"items": [{"id": "a-1", "says": "a-1 b-1"}, {"says": "a-1 b-1"}], "total": 2}).encode()

    assert json.loads(redact_json(body, [[r"a-\d"], [r"b-\d"]])) == {
        "items": [{"id": "a-1", "says": "[redacted] b-1"}, {"says": "a-1 [redacted]"}],
        "total": 2,
    }
    assert redact_json(body) is body


def test_redact_takes_out_what_a_repositorys_patterns_match() -> None:
    assert (
        redact(f"acme-12 and {GITHUB} and ac\u200bme-34", [r"acme-\d\d"]) == "[redacted] and [redacted] and [redacted]"
    )


def test_redacted_looks_at_a_long_value_once() -> None:
    """A sentence about secrets is none, but looking for one takes time by the square of its length."""
    with never_stuck():
        assert redacted({"password": "key " * 100_000 + "1"}) == {"password": REDACTED}


def test_redact_patterns_matches_the_text_as_it_was() -> None:
    assert redact_patterns("key acme-1 acme-22", ["acme-1", "acme-22", "y acme"]) == "ke[redacted] [redacted]"


def test_redact_patterns_joins_what_touches() -> None:
    assert redact_patterns("aaaa-b", ["a", "-"]) == "[redacted]b"


def test_redact_patterns_leaves_markers_alone() -> None:
    once = redact_patterns("the secret", ["e"])

    assert once == "th[redacted] s[redacted]cr[redacted]t"
    assert redact_patterns(once, ["e"]) == once


def test_redact_patterns_withholds_a_text_that_takes_too_long() -> None:
    withheld = redact_patterns("a" * 80, ["x", "(?:a|a)+c$"])

    assert withheld == "[withheld: pattern 2 of secret-patterns in the config file took too long on this text]"
    assert redact_patterns(withheld, ["e"]) == withheld
    assert redact(withheld) == withheld
