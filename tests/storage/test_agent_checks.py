"""Whose commit a pull request's head is, and the rounds in which its failed checks are dealt with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from bot.storage.agent_checks import AgentChecks, CheckRound, HeadCommit
from bot.storage.agent_models import NewRun, NewTurn
from bot.storage.agent_turns import AgentTurns, OpenedPullRequest, TurnEnd
from bot.storage.agents import AgentStore

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SHOP = "octo/shop"
SHA, OTHER = "a" * 40, "b" * 40
TURN = NewTurn(prompt="Fix it", entry={"observation": "Fix it"})


class Checked:
    """The stores of one database."""

    def __init__(self, database: Engine) -> None:
        self.checks = AgentChecks(database)
        self.store = AgentStore(database)
        self.turns = AgentTurns(database, lease=10.0)

    def create(self, *, pull_request: int | None = None) -> int:
        new = NewRun(user_id=1, agent="opencode", repository=SHOP, pull_request=pull_request, turn=TURN)
        return self.store.create_run(new, at=NOW).id

    def work(self, *, commit: str | None = None, opens: int | None = None) -> None:
        turn = self.turns.claim("w-1")
        assert turn is not None
        link = OpenedPullRequest(repository=SHOP, number=opens or 0, title="Fix", url="https://x", head_branch="fix")
        end = TurnEnd(status="COMPLETE", result="Done.", commit=commit, pull_requests=[link] if opens else [])
        assert self.turns.finish(turn, end, worker="w-1", at=NOW)

    def claim(self, sha: str, identity: str, failure: str, *, is_anew: bool = False, minutes: int = 0) -> CheckRound:
        at = NOW + timedelta(minutes=minutes)
        return self.checks.claim(1, sha=sha, identity=identity, failure=failure, is_anew=is_anew, at=at)


@pytest.fixture
def checked(database: Engine) -> Checked:
    return Checked(database)


def test_head_is_of_the_run_that_pushed_it(checked: Checked) -> None:
    checked.create()
    checked.work(commit=SHA, opens=3)
    checked.create(pull_request=3)
    checked.work()

    found = checked.checks.head("Octo/Shop", 3, SHA)
    assert found == HeadCommit(run_id=1, agent="opencode", is_of_run=True, is_banned=False, is_working=False)
    assert checked.checks.head("octo/other", 3, SHA) is None
    other = checked.checks.head(SHOP, 3, OTHER)
    assert other == HeadCommit(run_id=2, agent="opencode", is_of_run=False, is_banned=False, is_working=False)
    assert checked.checks.head(SHOP, 4, OTHER) is None


def test_head_may_be_of_a_run_that_has_not_reported_it(checked: Checked) -> None:
    checked.create()
    assert checked.checks.head(SHOP, 3, SHA) is None
    found = checked.checks.head(SHOP, 3, SHA, hint=1)
    assert found == HeadCommit(run_id=1, agent="opencode", is_of_run=False, is_banned=False, is_working=True)

    checked.work()
    assert checked.checks.head(SHOP, 3, SHA, hint=1) is None


def test_ban_is_seen_until_it_is_lifted(checked: Checked) -> None:
    checked.create(pull_request=3)
    checked.work(commit=SHA)
    checked.store.ban_checks(1, at=NOW)
    banned = checked.checks.head(SHOP, 3, SHA)
    assert banned is not None
    assert banned.is_banned

    checked.claim(SHA, "c-1", "f")
    checked.store.unban_checks(1)
    free = checked.checks.head(SHOP, 3, SHA)
    assert free is not None
    assert not free.is_banned
    assert checked.claim(OTHER, "c-2", "f").earlier == []


def test_first_claim_of_a_commit_wins(checked: Checked) -> None:
    checked.create()

    assert checked.claim(SHA, "c-1", "f") == CheckRound(is_mine=True, earlier=[])
    assert checked.claim(SHA, "c-2", "f") == CheckRound(is_mine=False, earlier=[])
    assert checked.claim(SHA, "c-1", "f") == CheckRound(is_mine=True, earlier=[])
    assert checked.claim(OTHER, "c-3", "g", minutes=1) == CheckRound(is_mine=True, earlier=["f"])


def test_rounds_count_anew_after_a_person(checked: Checked) -> None:
    checked.create()
    checked.claim(SHA, "c-1", "f")
    checked.store.resume_run(1, TURN, at=NOW, is_check_round=True)
    assert checked.claim(OTHER, "c-2", "f", minutes=1).earlier == ["f"]

    checked.store.resume_run(1, TURN, at=NOW)
    assert checked.claim("c" * 40, "c-3", "f", minutes=2).earlier == []
    assert checked.claim("d" * 40, "c-4", "f", is_anew=True, minutes=3).earlier == []
