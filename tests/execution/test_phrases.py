"""Phrases that many replies share."""

from __future__ import annotations

import pytest

from bot.errors import ErrorKind, Service, UpstreamError
from bot.execution.failures import describe
from bot.execution.phrases import whole_sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Not found", "Not found."),
        ("Not found.", "Not found."),
        ("Try again!", "Try again!"),
        ("Who are you?", "Who are you?"),
        ("The text was cut…", "The text was cut…"),
        ("It is closed (since May.)", "It is closed (since May.)"),
        ("It is closed (since May)", "It is closed (since May)."),
        ("Look at `main.py`", "Look at `main.py`."),
        ("Validation failed:\n", "Validation failed."),
        ("", ""),
    ],
)
def test_whole_sentence_ends_once(text: str, sentence: str) -> None:
    assert whole_sentence(text) == sentence


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ("", "Codegen did not find it (404)."),
        ("Run not found", "Codegen did not find it (404): Run not found."),
        ("Run not found.", "Codegen did not find it (404): Run not found."),
    ],
)
def test_describe_is_a_whole_sentence(detail: str, sentence: str) -> None:
    assert describe(UpstreamError(Service.CODEGEN, ErrorKind.NOT_FOUND, "run", 404, detail)) == sentence
