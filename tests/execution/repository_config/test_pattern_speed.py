"""Which secret patterns are refused for their speed when a file is checked."""

from __future__ import annotations

import pytest

from bot.execution.repository_config.patterns import is_slow


@pytest.mark.parametrize(
    "pattern",
    [
        r"acme_[A-Za-z0-9]{24}",
        r"(?i)\bacme[-_](?:live|test)_\w{16,}",
        r"(?:[A-Z0-9]{4}-){3}[A-Z0-9]{4}",
        r"(?<=token: )\S{1,80}",
        r"(?m)^.*acme.*$",
    ],
)
def test_is_slow_accepts_linear_patterns(pattern: str) -> None:
    assert not is_slow(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b",
        r"(?:a|a)+b",
        r"\w*\w*\w*\w*\w*\w*-END",
        r"(?:(\w+)\s?)+$x",
        r"(x+x+)+y",
        r"(?:(a+)\1)+b",
        r"(?:a{0,100}){100}b",
        r"\S*@\S*\.\S*\.\S*#",
        r"(\w{1,40}-?){2,}c",
        r"([a-z]+)*\d",
        # Quadratic is too slow for a comment.
        r"\S+@\S+\.corp",
    ],
)
def test_is_slow_finds_patterns_that_backtrack(pattern: str) -> None:
    assert is_slow(pattern)
