"""The table of what each call needs is about the calls that the client makes, all of them and no others."""

from __future__ import annotations

import ast
from pathlib import Path

from bot.github import permissions
from bot.github.permissions import (
    NEEDS,
    OWN_AGENTS_NEEDS,
    TITLES,
    WITH_TOKEN_ONLY,
    WITHOUT_PERMISSION,
    AccessLevel,
    holds,
    needed,
    reasons,
)

GITHUB = Path(permissions.__file__).parent


def operations() -> set[str]:
    """The names of all calls, as they stand in the client's source."""
    calls = [
        node
        for path in GITHUB.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"Endpoint", "send"}
    ]
    first = [call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)]
    return {value for value in first if isinstance(value, str)}


def test_needs_list_exactly_the_clients_calls() -> None:
    known = [*NEEDS, *OWN_AGENTS_NEEDS, *WITHOUT_PERMISSION, *WITH_TOKEN_ONLY]
    assert len(known) == len({*known})
    assert operations() == {*known}


def test_needed_is_the_union_of_all_calls() -> None:
    assert needed() == {
        "actions": "read",
        "checks": "read",
        "contents": "read",
        "issues": "write",
        "metadata": "read",
        "pull_requests": "write",
    }


def test_needed_permissions_have_title_and_reasons() -> None:
    assert {*TITLES} == {*needed()}
    assert all(reasons(name) for name in needed())


def test_reasons_list_write_access_first() -> None:
    found = reasons("issues")
    assert found.index("replies") < found.index("reads a thread's labels")


def test_holds_higher_level_includes_lower() -> None:
    granted = ["", "read", "write", "admin", "unheard-of"]
    assert [holds(each, AccessLevel.READ) for each in granted] == [False, True, True, True, False]
    assert [holds(each, AccessLevel.WRITE) for each in granted] == [False, False, True, True, False]
