"""What secret patterns match, in the time that they have."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.execution.repository_config.patterns import fault
from bot.text.redaction.matching import MOST_TIMEOUTS, PatternTimeoutError, compile_pattern, find_matches
from tests.execution.repository_config.test_patterns import PIECES


def test_find_matches_returns_the_spans_of_all_patterns() -> None:
    assert find_matches("a bb ccc", [r"b+", r"c{2}"]) == [(2, 4), (5, 7)]


def test_find_matches_leaves_out_matches_of_nothing() -> None:
    assert find_matches("ab", [r"b|(?=a)"]) == [(1, 2)]


def test_find_matches_names_the_pattern_that_is_too_slow() -> None:
    with pytest.raises(PatternTimeoutError) as caught:
        find_matches("a" * 80, ["x", "(?:a|a)+b", "y"])

    assert caught.value.position == 2


def test_find_matches_suspends_a_pattern_after_some_timeouts() -> None:
    slow = "(?:[a]|a)+b"
    for _ in range(MOST_TIMEOUTS):
        assert find_matches("unharmed", [slow]) == []
        with pytest.raises(PatternTimeoutError):
            find_matches("a" * 80, [slow])

    with pytest.raises(PatternTimeoutError):
        find_matches("unharmed", [slow])


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"x{e}", "x{e} xy"),
        (r"(?:abc){i<=2}", "abc{i<=2} abXc"),
        (r"[[:alpha:]]+z", "[: a]z abz"),
        (r"[[a]b", "[b ab"),
        (r"[]a[]+x", "a][x"),
        (r"a{,2}b", "aab b"),
        (r"\{\d{2}\}", "{12}"),
        (r"\N{DIGIT ONE}2", "12"),
        (r'\{"key": "\w+"}', '{"key": "abc"}'),
    ],
)
def test_compile_pattern_keeps_pythons_meaning(pattern: str, text: str) -> None:
    assert spans(pattern, text) == [found.span() for found in compile_pattern(pattern).finditer(text)]


@given(
    st.lists(st.sampled_from([*PIECES, "{", "}", "[[", "b", "e", ":", ",", "<="]), max_size=12).map("".join),
    st.text("ab1{}[]:e,<= ", max_size=12),
)
def test_compile_pattern_matches_what_re_matches(pattern: str, text: str) -> None:
    # Not `assume`: most of what is put together is refused, and too few examples would be left.
    if fault(pattern) is not None:
        return

    assert spans(pattern, text) == [found.span() for found in compile_pattern(pattern).finditer(text, timeout=5)]


def spans(pattern: str, text: str) -> list[tuple[int, int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [found.span() for found in re.compile(pattern).finditer(text)]
