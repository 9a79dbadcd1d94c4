"""The table of what each call needs is about the calls that the client makes, all of them and no others."""

from __future__ import annotations

import ast
from pathlib import Path

from bot.github import permissions
from bot.github.permissions import NEEDS, OWN_AFFAIRS, TITLES, WITH_A_TOKEN, AccessLevel, holds, needed, reasons

GITHUB = Path(permissions.__file__).parent

SENDING = {"read", "read_pages", "write", "ask", "download", "send", "place", "_remove"}
"""The methods whose first argument names a call."""


def operations() -> set[str]:
    """The names of all calls, as they stand in the client's source."""
    calls = [
        node
        for path in GITHUB.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SENDING
    ]
    first = [call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)]
    return {value for value in first if isinstance(value, str)}


def test_every_call_has_its_row_and_every_row_its_call() -> None:
    known = [*NEEDS, *OWN_AFFAIRS, *WITH_A_TOKEN]
    assert len(known) == len({*known})
    assert operations() == {*known}


def test_the_most_that_any_call_needs_is_needed() -> None:
    assert needed() == {
        "actions": "read",
        "checks": "read",
        "contents": "read",
        "issues": "write",
        "metadata": "read",
        "pull_requests": "write",
    }


def test_each_permission_has_a_title_and_reasons() -> None:
    assert {*TITLES} == {*needed()}
    assert all(reasons(name) for name in needed())


def test_what_a_permission_is_needed_most_for_comes_first() -> None:
    found = reasons("issues")
    assert found.index("replies") < found.index("sees a thread's labels")


def test_a_higher_level_holds_a_lower_one() -> None:
    granted = ["", "read", "write", "admin", "unheard-of"]
    assert [holds(each, AccessLevel.READ) for each in granted] == [False, True, True, True, False]
    assert [holds(each, AccessLevel.WRITE) for each in granted] == [False, False, True, True, False]
