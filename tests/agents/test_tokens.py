"""Tokens of the agents' API are shown once, and only their hashes are stored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.agents.tokens import Caller, Tokens, create_token, hash_of, new_token
from bot.errors import UserError
from bot.storage.agent_users import AgentUsers
from bot.storage.database import open_engine
from tests.harness.databases import migrated_sqlite

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.sqlite"


@pytest.fixture
def users(path: Path) -> AgentUsers:
    return AgentUsers(open_engine(migrated_sqlite(path)))


def test_token_is_not_in_the_database(users: AgentUsers, path: Path) -> None:
    token = create_token(users, "alice", now=lambda: NOW)
    assert token.startswith("cgb_")
    stored = b"".join(each.read_bytes() for each in path.parent.iterdir() if each.name.startswith(path.name))
    assert token.encode() not in stored
    assert token[4:].encode() not in stored
    assert hash_of(token).encode() in stored


def test_caller_of_token(users: AgentUsers) -> None:
    tokens, token = Tokens(users), create_token(users, "alice", now=lambda: NOW)
    caller = tokens.caller_of(token)
    assert caller is not None
    assert (caller.user.login, caller.is_internal) == ("alice", False)
    own = tokens.add_internal(caller.user)
    assert tokens.caller_of(own) == Caller(caller.user, is_internal=True)
    assert Tokens(users).caller_of(own) is None


@pytest.mark.parametrize("token", ["", "cgb_", "sk-org1", "cgb_" + "\x00" * 43, "cgb_" + "é" * 43, "x" * 100_000])
def test_what_is_no_token_belongs_to_nobody(users: AgentUsers, token: str) -> None:
    assert Tokens(users).caller_of(token) is None


def test_unknown_token_belongs_to_nobody(users: AgentUsers) -> None:
    create_token(users, "alice", now=lambda: NOW)
    assert Tokens(users).caller_of(new_token()) is None


@pytest.mark.parametrize("name", ["alice", "a-b-c", "octo_emu", "my-app[bot]", "A" * 39])
def test_login_gets_a_token(users: AgentUsers, name: str) -> None:
    create_token(users, name, now=lambda: NOW)
    assert [each.login for each in users.tokens()] == [name]


@pytest.mark.parametrize("name", ["", "-a", "a b", "alice\n", "a/b", "é", "x" * 41, "[bot]"])
def test_other_names_are_refused(users: AgentUsers, name: str) -> None:
    with pytest.raises(UserError, match="is not a GitHub login"):
        create_token(users, name, now=lambda: NOW)
    assert users.tokens() == []
