"""The agents that a run may name."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.errors import UserError
from bot.execution.agent_types import CODEGEN_TYPES, check, find, in_words, known_at


def test_known_at_codegens_own_address() -> None:
    assert known_at("https://api.codegen.com/") == CODEGEN_TYPES
    assert known_at("http://localhost:8080") is None


@pytest.mark.parametrize("name", ["claude_code", "claude-code", "Claude-Code"])
def test_find_ignores_case_and_hyphens(name: str) -> None:
    assert find(name, CODEGEN_TYPES) == "claude_code"
    assert find(name, ("claude-code",)) == "claude-code"
    assert find(name, ("claude",)) is None


def test_find_takes_any_name_where_agents_are_unknown() -> None:
    assert find("my-agent", None) == "my-agent"


def test_check_refuses_unknown_agent() -> None:
    check(["codegen"], CODEGEN_TYPES, example="")
    with pytest.raises(UserError) as caught:
        check(["codegen", "robot"], CODEGEN_TYPES, example="/codegen run fix it")
    assert str(caught.value.text) == snapshot(
        "There is no agent `robot` here; `--agent-type` is `codegen` or `claude_code`. For example: `/codegen run fix it`"
    )


def test_in_words() -> None:
    assert in_words(["a"]) == "`a`"
    assert in_words(["a", "b", "c"]) == "`a`, `b` or `c`"
