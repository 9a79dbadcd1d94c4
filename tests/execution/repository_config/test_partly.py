"""What can still be read of a file that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.execution.repository_config.model import RepositoryConfig
from bot.execution.repository_config.problems import ConfigProblems
from bot.execution.repository_config.reading import Readable, read, read_partly
from tests.execution.repository_config.problems import COMMANDS
from tests.execution.repository_config.test_any_text import documents, likely, pieces


def parts(text: str, last: str | None = None) -> tuple[dict[str, Any], bool]:
    """The keys that could be read with their values, and whether all secret patterns are among them."""
    found = read_partly(text, commands=COMMANDS, last=None if last is None else read(last, commands=COMMANDS))
    assert found is not None
    return found.config.model_dump(mode="json", by_alias=True, exclude_unset=True), found.has_all_patterns


def test_valid_file_is_read_whole() -> None:
    text = "permissions: {run: admin}\nsecret-patterns: [a+]"
    assert parts(text) == ({"permissions": {"run": "admin"}, "secret-patterns": ["a+"]}, True)


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("permissions: {run: admn, rum: admin, status: maintain}", {"permissions": {"status": "maintain"}}),
        ("permissions: {run: read, run: admin, status: admin}", {"permissions": {"status": "admin"}}),
        ("budgets: {runs-per-person-a-day: many, runs-per-thread-a-day: 3}", {"budgets": {"runs-per-thread-a-day": 3}}),
        ("allowed-bots: [1, ci, '[bot]']", {"allowed-bots": {"ci": "write"}}),
        ("labels: {run: a, remove: a}\nprogress: false", {"progress": False}),
        ("prompts: {a: {prompt: x}, b: {command: run, prompt: '{y}', permission: odd}}", {"prompts": {}}),
        ("prompts: {run: {command: run, prompt: x}, B: 1}\nprefix: agent", {"prompts": {}}),
    ],
)
def test_invalid_parts_are_left_out(text: str, readable: dict[str, Any]) -> None:
    assert parts(text) == (readable, True)


@pytest.mark.parametrize(
    "text",
    [
        "secret-patterns: ['a+', '(']",
        "secret-patterns: a+",
        "secret-pattern: [a+]",
        "1: x",
        "secret-patterns: [a]\nsecret-patterns: [b]",
        f"secret-patterns: [{', '.join('a' * count for count in range(1, 52))}]",
    ],
)
def test_unreadable_patterns_are_noticed(text: str) -> None:
    assert parts(text)[1] is False


@pytest.mark.parametrize("text", ["a: [", "- a", "text", "&a b", "x: " * 30_000])
def test_nothing_is_read_of_what_is_no_map(text: str) -> None:
    assert read_partly(text, commands=COMMANDS) is None


def test_unreadable_parts_are_as_they_were_last() -> None:
    last = """
        permissions: {run: admin, status: admin}
        allowed-bots: [ci]
        labels: {run: go}
        prompts: {fix: {command: run, prompt: x, permission: maintain}, old: {command: run, prompt: y}}
    """
    text = """
        permissions: {run: admn}
        allowed-bots: ci
        labels: {run: a, remove: a}
        prompts: {fix: {command: run, prompt: '{', permission: admin}}
    """
    assert parts(text, last)[0] == {
        "permissions": {"run": "admin"},
        "allowed-bots": {"ci": "write"},
        "labels": {"run": "go"},
        "prompts": {"fix": {"command": "run", "prompt": "x", "permission": "admin"}},
    }


def check(text: str, last: RepositoryConfig | None) -> None:
    """Whatever the text: it ends, and a text without a mistake is read whole."""
    found = read_partly(text, commands=COMMANDS, last=last)
    try:
        config = read(text, commands=COMMANDS)
    except ConfigProblems:
        return
    assert found == Readable(config, has_all_patterns=True)


@given(text=pieces | documents.map(yaml.safe_dump) | st.text(), last=st.none() | likely.map(yaml.safe_dump))
def test_any_text(text: str, last: str | None) -> None:
    try:
        config = None if last is None else read(last, commands=COMMANDS)
    except ConfigProblems:
        config = None
    check(text, config)
