"""What is taken out of texts before they are shown."""

from __future__ import annotations

from bot.replies.redaction import redact_patterns


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
