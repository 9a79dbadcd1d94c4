"""Which secret patterns are accepted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.execution.repository_config.patterns import fault
from tests.harness import EXAMPLES


@pytest.mark.parametrize(
    "pattern",
    [
        r"acme_[A-Za-z0-9]{24}",
        r"(?i)\bacme[-_](?:live|test)_\w{16,}",
        r"(?:[A-Z0-9]{4}-){3}[A-Z0-9]{4}",
        r"(?P<name>key)=(?P=name)?\S+",
        r"(?<=token: )\S+",
        r"[[a]b",
        r"\((a+\))",
        r"[(+]+x",
        r"[]+(]+x",
        r"[^]+(]+x",
        r"\[(a|b)+",
        r"(a+)(b+)c",
        r"(a?b)+",
        "x" * 200,
        # Slow ones are the time limit's business.
        "(a+)+b",
        r"(\w{1,40}-?){2,}c",
        "((((a+b?)+c)+d)+e)f",
    ],
)
def test_it_may_be_used(pattern: str) -> None:
    assert fault(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("x" * 201, snapshot("has more than 200 characters")),
        ("(", snapshot("is no regular expression: missing ), unterminated subpattern at position 0")),
        ("a**", snapshot("is no regular expression: multiple repeat at position 2")),
        ("(?z)", snapshot("is no regular expression: unknown extension ?z at position 1")),
        ("a{99999999999}", snapshot("is no regular expression: the repetition number is too large")),
        ("", snapshot("matches where there is nothing, so it would match everywhere")),
        ("a*", snapshot("matches where there is nothing, so it would match everywhere")),
        ("(?:)", snapshot("matches where there is nothing, so it would match everywhere")),
        ("^", snapshot("matches where there is nothing, so it would match everywhere")),
        ("(?!x)", snapshot("matches where there is nothing, so it would match everywhere")),
        ("(?:(?:){60000}){60000}x", snapshot("repeats something more than 10000 times")),
        ("x{10001}", snapshot("repeats something more than 10000 times")),
        ("(((((a+b)+c)+d)+e)+f)", snapshot("has more than 4 repeats inside each other")),
    ],
)  # fmt: skip
def test_it_is_refused_with_the_reason(pattern: str, why: str) -> None:
    assert fault(pattern) == why


PIECES = (
    "(",
    ")",
    "(?:",
    "(?=",
    "[",
    "]",
    "^",
    "a",
    "\\",
    r"\d",
    "+",
    "*",
    "?",
    "{3}",
    "{2,}",
    "{,9}",
    "{60000}",
    "|",
    "$",
)


@settings(max_examples=3 * EXAMPLES)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_pattern_is_judged_without_running_for_ever(pattern: str) -> None:
    if fault(pattern) is None:
        assert re.compile(pattern).search("") is None
