"""Runs of agents of your own, their logs and flags; users and tokens; settings of repositories."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from bot.storage.agent_models import EarlierTurns, Holder, NewRun, NewTurn, Purpose, StoredRun
from bot.storage.agent_turns import AgentTurns, OpenedPullRequest, TurnEnd
from bot.storage.agent_users import AgentUsers
from bot.storage.agents import AgentStore

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SHOP = "octo/shop"


@pytest.fixture
def store(database: Engine) -> AgentStore:
    return AgentStore(database)


@pytest.fixture
def turns(database: Engine) -> AgentTurns:
    return AgentTurns(database, lease=10.0)


@pytest.fixture
def users(database: Engine) -> AgentUsers:
    return AgentUsers(database)


def a_turn(prompt: str = "Fix it") -> NewTurn:
    return NewTurn(prompt=prompt, images=["data:image/png;base64,AA=="], entry={"observation": prompt})


def create(store: AgentStore, **fields: Any) -> StoredRun:
    given: dict[str, Any] = {"user_id": 1, "agent": "opencode", "turn": a_turn(), **fields}
    return store.create_run(NewRun(**given), at=NOW)


def opened(number: int) -> OpenedPullRequest:
    url = f"https://github.com/{SHOP}/pull/{number}"
    return OpenedPullRequest(repository=SHOP, number=number, title="Fix", url=url, head_branch="codegen/1")


def work(turns: AgentTurns, *pull_requests: int) -> None:
    """A worker takes the next turn and ends it."""
    turn = turns.claim("w-1")
    assert turn is not None
    end = TurnEnd(status="COMPLETE", result="Done.", pull_requests=[opened(number) for number in pull_requests])
    assert turns.finish(turn, end, worker="w-1", at=NOW)


class TestRuns:
    """The same on SQLite and on PostgreSQL."""

    def test_earlier_turns_are_prompts_and_the_last_end(self, store: AgentStore, turns: AgentTurns) -> None:
        run = create(store, turn=a_turn("Fix the cart"))
        assert store.earlier_turns(run.id, before=1) == EarlierTurns()
        work(turns)
        store.append_log(run.id, [{"message_type": "FINAL_ANSWER", "observation": "Fixed."}], at=NOW)
        noise: list[dict[str, Any]] = [
            {"message_type": "ACTION", "observation": '"ERROR"'},
            {"message_type": "ERROR", "observation": None},
        ]
        store.append_log(run.id, noise, at=NOW)
        store.resume_run(run.id, a_turn("Also the tax"), at=NOW)
        store.resume_run(run.id, a_turn("And the total"), at=NOW)

        assert store.earlier_turns(run.id, before=2) == EarlierTurns(("Fix the cart",), "Fixed.")
        assert store.earlier_turns(run.id, before=3) == EarlierTurns(("Fix the cart", "Also the tax"), "Fixed.")

    def test_earlier_turns_are_gone_with_the_log(self, store: AgentStore, turns: AgentTurns) -> None:
        run = create(store)
        store.append_log(run.id, [{"message_type": "FINAL_ANSWER", "observation": "Fixed."}], at=NOW)
        work(turns)
        store.delete_old_logs(before=NOW + timedelta(days=1))
        store.resume_run(run.id, a_turn("Go on"), at=NOW)

        assert store.earlier_turns(run.id, before=2) == EarlierTurns()

    def test_run_is_stored_whole(self, store: AgentStore) -> None:
        metadata = {"odd": "\x00 \U0001f600", "deep": [{"a": None}]}
        run = create(store, model="m", repository=SHOP, pull_request=7, metadata=metadata, purpose=Purpose.LOG_ANALYSIS)
        assert store.run(run.id) == run
        assert (run.id, run.status, run.created_at, run.is_finished) == (1, "PENDING", NOW, False)
        assert (run.metadata, run.purpose, run.pull_requests) == (metadata, Purpose.LOG_ANALYSIS, ())
        assert store.run(2) is None

    def test_runs_are_listed_with_their_pull_requests(self, store: AgentStore, turns: AgentTurns) -> None:
        for user_id, source_type in ((1, "API"), (2, "API"), (1, "SETUP_COMMANDS")):
            create(store, user_id=user_id, source_type=source_type)
        work(turns, 12, 13)
        runs, total = store.runs()
        assert ([run.id for run in runs], total) == ([3, 2, 1], 3)
        assert [[each.number for each in run.pull_requests] for run in runs] == [[], [], [12, 13]]
        assert [run.id for run in store.runs(user_id=1)[0]] == [3, 1]
        assert [run.id for run in store.runs(user_id=1, source_type="API")[0]] == [1]
        assert [run.id for run in store.runs(skip=1, limit=1)[0]] == [2]
        assert store.runs(skip=9)[1] == 3

    def test_resumed_run_gets_a_turn_more(self, store: AgentStore, turns: AgentTurns) -> None:
        create(store)
        work(turns)
        run = store.resume_run(1, a_turn("More"), at=NOW)
        assert run is not None
        assert (run.status, run.result, run.ended_at) == ("PENDING", None, None)
        turn = turns.claim("w-1")
        assert turn is not None
        assert (turn.number, turn.prompt) == (2, "More")
        assert store.resume_run(2, a_turn(), at=NOW) is None

    async def test_run_may_be_resumed_by_several_at_once(self, store: AgentStore, turns: AgentTurns) -> None:
        create(store)
        await asyncio.gather(*(asyncio.to_thread(store.resume_run, 1, a_turn(str(n)), at=NOW) for n in range(8)))
        assert store.queued_turns() == 9
        prompts = []
        while (turn := turns.claim("w-1")) is not None:
            prompts.append((turn.number, turn.prompt))
            turns.finish(turn, TurnEnd(status="COMPLETE", result=""), worker="w-1", at=NOW)
        assert [number for number, _ in prompts] == [*range(1, 10)]
        assert {prompt for _, prompt in prompts} == {"Fix it", *"01234567"}


class TestStopping:
    def test_waiting_run_ends_at_once(self, store: AgentStore, turns: AgentTurns) -> None:
        create(store)
        assert store.cancel_run(1, at=NOW)
        run = store.run(1)
        assert run is not None
        assert (run.status, run.ended_at, run.is_cancelling) == ("CANCELLED", NOW, False)
        assert turns.claim("w-1") is None
        assert not store.cancel_run(1, at=NOW)
        assert not store.cancel_run(2, at=NOW)

    def test_running_turn_ends_by_its_worker(self, store: AgentStore, turns: AgentTurns) -> None:
        create(store)
        turn = turns.claim("w-1")
        assert turn is not None
        store.resume_run(1, a_turn("More"), at=NOW)
        assert store.cancel_run(1, at=NOW)
        assert (store.queued_turns(), turns.beat("w-1").cancelled) == (0, frozenset({turn.id}))
        run = store.run(1)
        assert run is not None
        assert (run.status, run.is_cancelling) == ("ACTIVE", True)

    def test_all_runs_of_a_pull_request_are_stopped(self, store: AgentStore, turns: AgentTurns) -> None:
        create(store)
        work(turns, 12)
        create(store, repository=SHOP, pull_request=12)
        create(store, repository=SHOP, pull_request=13)
        create(store, repository="octo/docs", pull_request=12)
        assert store.remove_from_pull_request(1, at=NOW) == [2]
        assert [(run.id, run.removed, run.checks_banned) for run in store.runs()[0] if run.removed] == [
            (2, True, True),
            (1, True, True),
        ]
        store.unban_checks(2)
        assert not any(run.removed or run.checks_banned for run in store.runs()[0])

    def test_ban_of_a_run_without_pull_request_stops_nothing(self, store: AgentStore) -> None:
        create(store, repository=SHOP)
        assert store.ban_checks(1, at=NOW) == []
        run = store.run(1)
        assert run is not None
        assert (run.status, run.checks_banned) == ("PENDING", True)
        assert store.remove_from_pull_request(1, at=NOW) == [1]


class TestLog:
    def test_entries_keep_their_order(self, store: AgentStore) -> None:
        create(store)
        store.append_log(1, [{"n": n} for n in range(3)], at=NOW)
        store.append_log(1, [], at=NOW)
        store.append_log(1, [{"n": 3, "odd": "\x00 ' \U0001f600"}], at=NOW)
        assert [entry.get("n") for entry in store.log(1)] == [None, 0, 1, 2, 3]
        assert [entry.get("n") for entry in store.log(1, skip=1, limit=2)] == [0, 1]
        assert [entry.get("n") for entry in store.log(1, limit=2, newest_first=True)] == [3, 2]
        assert [entry.get("n") for entry in store.log(1, skip=3, limit=9, newest_first=True)] == [0, None]
        assert store.log(1, skip=5, newest_first=True) == []
        assert store.log(1, limit=1, newest_first=True)[0]["odd"] == "\x00 ' \U0001f600"
        run = store.run(1)
        assert run is not None
        assert run.log_entries == 5

    def test_entries_of_a_worker_that_lost_the_turn_are_dropped(self, store: AgentStore, turns: AgentTurns) -> None:
        create(store)
        taken = turns.claim("w1")
        assert taken is not None
        before = len(store.log(1))
        store.append_log(1, [{"n": 1}], at=NOW, holder=Holder(taken.id, "w1"))
        turns.hand_over(taken, worker="w1")

        store.append_log(1, [{"n": 2}], at=NOW, holder=Holder(taken.id, "w1"))

        assert store.log(1)[before:] == [{"n": 1}]

    def test_entries_of_an_unknown_run_are_dropped(self, store: AgentStore) -> None:
        store.append_log(7, [{"n": 1}], at=NOW)
        assert store.log(7) == []

    async def test_several_may_append_at_once(self, store: AgentStore) -> None:
        create(store)
        batches = [[{"by": by, "n": n} for n in range(20)] for by in range(6)]
        await asyncio.gather(*(asyncio.to_thread(store.append_log, 1, batch, at=NOW) for batch in batches))
        found = store.log(1, skip=1, limit=500)
        assert len(found) == 120
        for by in range(6):
            assert [entry["n"] for entry in found if entry["by"] == by] == [*range(20)]

    def test_logs_of_old_runs_are_deleted(self, store: AgentStore, turns: AgentTurns) -> None:
        for _ in range(3):
            create(store)
        work(turns)
        work(turns)
        store.resume_run(2, a_turn("More"), at=NOW)
        sandbox_id = store.add_sandbox(1, repository=SHOP, log="ok", at=NOW)
        assert store.delete_old_logs(before=NOW) == 0
        later = NOW + timedelta(days=1)
        assert [store.delete_old_logs(before=later) for _ in range(2)] == [1, 0]
        assert [store.log(run_id) for run_id in (1, 2, 3)] == [
            [],
            [{"observation": "Fix it"}, {"observation": "More"}],
            [{"observation": "Fix it"}],
        ]
        assert store.sandbox(sandbox_id) is None
        run = store.resume_run(1, a_turn("Again"), at=NOW)
        assert run is not None
        assert (run.log_entries, store.log(1)) == (1, [{"observation": "Again"}])


class TestUsers:
    def test_token_belongs_to_its_user(self, users: AgentUsers) -> None:
        alice = users.add_token("hash-1", login="Alice", name="Alice", at=NOW)
        assert users.add_token("hash-2", login="alice", name="laptop", at=NOW) == alice
        assert users.user_of("hash-2") == users.user(alice.id) == alice
        assert users.user_of("hash-3") is None
        assert [(token.login, token.name) for token in users.tokens()] == [("Alice", "Alice"), ("Alice", "laptop")]
        users.add_token("hash-4", login="bob", name="bob", at=NOW)
        assert users.revoke_tokens("ALICE") == 2
        assert users.revoke_tokens("carol") == 0
        assert users.user_of("hash-2") is None
        assert users.user_of("hash-4") is not None
        assert users.users(limit=1) == ([alice], 2)

    def test_user_gets_the_number_of_the_account(self, users: AgentUsers) -> None:
        first = users.ensure_user("alice", at=NOW)
        assert users.ensure_user("ALICE", at=NOW, github_user_id=5).github_user_id == 5
        assert users.ensure_user("alice", at=NOW).github_user_id == 5
        assert users.user(first.id) == users.ensure_user("alice", at=NOW)

    async def test_user_is_made_once(self, users: AgentUsers) -> None:
        await asyncio.gather(*(asyncio.to_thread(users.ensure_user, "alice", at=NOW) for _ in range(8)))
        assert users.users()[1] == 1


class TestRepositories:
    def test_check_settings_are_merged(self, store: AgentStore) -> None:
        assert store.check_settings(101) == {}
        store.change_check_settings(101, {"a": 1, "b": [1]}, full_name=SHOP)
        store.change_check_settings(101, {"b": [2]}, full_name=SHOP)
        assert store.check_settings(101) == {"a": 1, "b": [2]}

    def test_setup_commands_follow_a_renamed_repository(self, store: AgentStore) -> None:
        store.set_setup_commands(101, "make", full_name="octo/old")
        store.change_check_settings(101, {"a": 1}, full_name=SHOP)
        assert (store.setup_commands("Octo/Shop"), store.setup_commands("octo/old")) == ("make", None)
        assert store.repositories_with_setup_commands() == {101}
        store.set_setup_commands(101, "", full_name=SHOP)
        assert (store.setup_commands(SHOP), store.check_settings(101)) == (None, {"a": 1})

    def test_sandbox_keeps_its_log(self, store: AgentStore) -> None:
        sandbox_id = store.add_sandbox(7, repository=SHOP, log="\x00 ok \ud800", at=NOW)
        sandbox = store.sandbox(sandbox_id)
        assert sandbox is not None
        assert (sandbox.run_id, sandbox.log, sandbox.created_at) == (7, "\ufffd ok ?", NOW)
        assert store.sandbox(sandbox_id + 1) is None
