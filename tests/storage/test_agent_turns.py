"""The queue of turns: order, leases, take-over, ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.storage.agent_models import Changes, Used
from bot.storage.agent_turn_order import HEADS, TurnLimits
from bot.storage.agent_turns import OpenedPullRequest, TurnEnd
from bot.storage.tables import AGENT_PULL_REQUESTS
from tests.storage.turn_queue import NOW, Queue


@pytest.fixture
def queue(database: Engine) -> Queue:
    return Queue(database)


@pytest.fixture
def leaseless(database: Engine) -> Queue:
    """Every turn may be taken over at once."""
    return Queue(database, lease=-1.0)


def test_claim_returns_what_a_turn_needs(queue: Queue) -> None:
    run = queue.add_run("alice", metadata={"codegen_bot": {"number": 1}})

    turn = queue.turns.claim("w1")

    assert turn is not None
    assert (turn.run_id, turn.number, turn.prompt, turn.takeovers) == (run, 1, "Fix it.", 0)
    assert (turn.login, turn.agent, turn.repository, turn.model) == ("alice", "scripted", "octo/shop", None)
    assert turn.images == ("data:image/png;base64,AA==",)
    assert turn.metadata == {"codegen_bot": {"number": 1}}
    assert queue.run(run).status == "ACTIVE"


def test_claim_takes_each_turn_once(queue: Queue) -> None:
    run = queue.add_run()

    assert [queue.claimed("w1"), queue.claimed("w2")] == [run, None]


def test_claim_by_many_at_once_takes_each_turn_once(queue: Queue) -> None:
    runs = {queue.add_run(login) for login in ("alice", "bob") for _ in range(6)}

    def take_all(worker: str) -> list[int]:
        return [*iter(lambda: queue.claimed(worker), None)]

    with ThreadPoolExecutor(4) as workers:
        taken = [run for found in workers.map(take_all, ("w1", "w2", "w3", "w4")) for run in found]

    # One that is skipped because another worker locks it is found by the next look.
    taken += take_all("w5")
    assert sorted(taken) == sorted(runs)


def test_claim_takes_turns_of_one_run_in_order(queue: Queue) -> None:
    run = queue.add_run()
    queue.add_turn(run)
    first = queue.turns.claim("w1")
    assert first is not None
    assert queue.claimed("w2") is None

    queue.turns.finish(first, TurnEnd(status="COMPLETE", result="Done."), worker="w1", at=NOW)

    assert queue.run(run).status == "PENDING"
    second = queue.turns.claim("w2")
    assert second is not None
    assert second.number == 2


def test_claim_serves_people_in_turn(queue: Queue) -> None:
    """Alice's three runs do not hold up Bob's one."""
    first, second, third = (queue.add_run("alice") for _ in range(3))
    of_bob = queue.add_run("bob")

    assert [queue.claimed() for _ in range(4)] == [first, of_bob, second, third]


def test_claim_tells_the_people_of_one_token_apart(queue: Queue) -> None:
    """All commands on GitHub come with the bot's own token."""
    first, second = (queue.add_run("bot", person="alice") for _ in range(2))
    of_bob = queue.add_run("bot", person="bob")

    assert [queue.claimed() for _ in range(3)] == [first, of_bob, second]


def test_claim_serves_tenants_in_turn(queue: Queue) -> None:
    """Three people of one organization do not hold up the one of another."""
    first, second, third = (queue.add_run(login) for login in ("alice", "bob", "carol"))
    elsewhere = [queue.add_run("dave", repository="acme/site"), queue.add_run("dave", repository="ACME/other")]

    assert [queue.claimed() for _ in range(5)] == [first, elsewhere[0], second, elsewhere[1], third]


def test_claim_looks_behind_a_long_queue(queue: Queue) -> None:
    """Also where one person has asked for hundreds of turns before."""
    first, *_ = [queue.add_run("alice", repository="octo/shop") for _ in range(HEADS + 5)]
    of_bob = queue.add_run("bob")

    assert [queue.claimed(), queue.claimed()] == [first, of_bob]


def test_claim_keeps_the_limit_of_a_repository(database: Engine) -> None:
    queue = Queue(database, limits=TurnLimits(per_repository=2))
    shop = [queue.add_run(login, repository=name) for login, name in (("alice", "octo/shop"), ("bob", "Octo/Shop"))]
    shop.append(queue.add_run("carol"))
    site, nowhere = queue.add_run("alice", repository="octo/site"), queue.add_run("alice", repository=None)

    taken = [turn for _ in range(5) if (turn := queue.turns.claim("w1"))]

    assert {turn.run_id for turn in taken} == {*shop[:2], site, nowhere}
    queue.turns.finish(taken[0], TurnEnd(status="COMPLETE", result="Done."), worker="w1", at=NOW)
    assert queue.claimed() == shop[2]


def test_claim_keeps_the_limit_of_a_person(database: Engine) -> None:
    queue = Queue(database, limits=TurnLimits(per_person=1))
    people = ("alice", "Alice", "bob")
    first, second, of_bob = (queue.add_run("bot", person=person, repository=None) for person in people)

    taken = [turn for _ in range(3) if (turn := queue.turns.claim("w1"))]

    assert [turn.run_id for turn in taken] == [first, of_bob]
    queue.turns.hand_over(taken[0], worker="w1")
    assert queue.claimed() == first
    assert queue.claimed() is None, second


def test_claim_takes_over_although_the_limit_is_reached(database: Engine) -> None:
    """The slot of a worker that has vanished is the turn's, not free for another one."""
    queue = Queue(database, lease=-1.0, limits=TurnLimits(per_repository=1))
    run, _ = queue.add_run(), queue.add_run()
    queue.claimed("w1")

    assert [queue.claimed("w2"), queue.claimed("w3")] == [run, run]


def test_claim_by_many_at_once_keeps_the_limits(database: Engine) -> None:
    limits = TurnLimits(per_repository=3, per_person=2)
    queue = Queue(database, limits=limits)
    for number in range(12):
        queue.add_run(("alice", "bob", "carol")[number % 3])

    with ThreadPoolExecutor(6) as pool:
        taken = [run for run in pool.map(queue.claimed, [f"w{number}" for number in range(12)]) if run is not None]

    assert len(taken) == len({*taken}) == limits.per_repository


def test_claim_takes_over_from_a_silent_worker(leaseless: Queue) -> None:
    run = leaseless.add_run()
    leaseless.claimed("w1")

    taken = leaseless.turns.claim("w2")

    assert taken is not None
    assert (taken.run_id, taken.takeovers) == (run, 1)
    assert leaseless.turns.beat("w1").held == frozenset()
    assert leaseless.turns.beat("w2").held == {taken.id}


def test_claim_does_not_take_over_from_itself(leaseless: Queue) -> None:
    """A worker that was frozen looks for turns before its next heartbeat."""
    leaseless.add_run()
    turn = leaseless.turns.claim("w1")
    assert turn is not None

    assert leaseless.turns.claim("w1", working_on=[turn.id]) is None
    # One that it has given up, when the database was silent, it may take again.
    assert leaseless.turns.beat("w1", working_on=[]).held == frozenset()
    assert leaseless.turns.claim("w1") is not None


def test_beat_keeps_a_turn(queue: Queue) -> None:
    queue.add_run()
    turn = queue.turns.claim("w1")
    assert turn is not None

    assert queue.turns.beat("w1").held == {turn.id}
    assert queue.claimed("w2") is None


def test_beat_reports_cancelled_runs(queue: Queue) -> None:
    run, _ = queue.add_run(), queue.add_run()
    turns = [queue.turns.claim("w1"), queue.turns.claim("w1")]

    queue.cancel(run)

    beat = queue.turns.beat("w1")
    assert beat.cancelled == {turn.id for turn in turns if turn is not None and turn.run_id == run}
    assert len(beat.held) == 2


def test_hand_over_lets_another_worker_continue(queue: Queue) -> None:
    run = queue.add_run()
    turn = queue.turns.claim("w1")
    assert turn is not None
    queue.turns.note_session(turn, "session-7", worker="w1")
    queue.turns.note_branch(turn, "codegen/fix", worker="w1", at=NOW)

    queue.turns.hand_over(turn, worker="w1")

    taken = queue.turns.claim("w2")
    assert taken is not None
    assert (taken.run_id, taken.takeovers, taken.is_continued) == (run, 0, True)
    assert (taken.session_id, taken.branch) == ("session-7", "codegen/fix")


def test_finish_stores_everything(queue: Queue) -> None:
    run = queue.add_run()
    turn = queue.turns.claim("w1")
    assert turn is not None
    link = OpenedPullRequest(
        repository="octo/shop", number=7, title="Fix it", url="https://github.com/octo/shop/pull/7", head_branch="b"
    )
    end = TurnEnd(
        status="COMPLETE",
        result="Fixed.",
        session_id="s",
        branch="b",
        used=Used(input_tokens=100, output_tokens=7, cost=0.25),
        changes=Changes(files=2, additions=10, deletions=3),
        pull_requests=[link],
    )

    assert queue.turns.finish(turn, end, worker="w1", at=NOW)

    row = queue.run(run)
    assert (row.status, row.result, row.session_id, row.branch) == ("COMPLETE", "Fixed.", "s", "b")
    assert (row.input_tokens, row.output_tokens, row.cost, row.ended_at) == (100, 7, 0.25, NOW)
    assert (row.changed_files, row.additions, row.deletions) == (2, 10, 3)
    with queue.engine.begin() as connection:
        [found] = connection.execute(sa.select(AGENT_PULL_REQUESTS))
    assert (found.run_id, found.number, found.url) == (run, 7, link.url)


def test_finish_adds_the_usage_of_turns(queue: Queue) -> None:
    run = queue.add_run()
    for tokens in (100, None, 20):
        turn = queue.turns.claim("w1")
        assert turn is not None
        end = TurnEnd(status="COMPLETE", result="Done.", used=Used(input_tokens=tokens))
        queue.turns.finish(turn, end, worker="w1", at=NOW)
        queue.add_turn(run)

    assert queue.run(run).input_tokens == 120
    assert queue.run(run).output_tokens is None


def test_finish_is_fenced(leaseless: Queue) -> None:
    run = leaseless.add_run()
    turn = leaseless.turns.claim("w1")
    assert turn is not None
    leaseless.claimed("w2")

    assert not leaseless.turns.finish(turn, TurnEnd(status="COMPLETE", result="Late."), worker="w1", at=NOW)

    leaseless.turns.note_session(turn, "late", worker="w1")
    assert (leaseless.run(run).status, leaseless.run(run).session_id) == ("ACTIVE", None)


def test_finish_of_a_cancelled_run_ends_what_waits(queue: Queue) -> None:
    run = queue.add_run()
    turn = queue.turns.claim("w1")
    assert turn is not None
    queue.add_turn(run)
    queue.cancel(run)

    queue.turns.finish(turn, TurnEnd(status="CANCELLED", result="Stopped."), worker="w1", at=NOW)

    assert queue.claimed() is None
    assert (queue.run(run).status, queue.run(run).cancel_wanted) == ("CANCELLED", False)


def test_finish_of_a_cancelled_run_leaves_what_was_asked_for_since(queue: Queue) -> None:
    run = queue.add_run()
    turn = queue.turns.claim("w1")
    assert turn is not None
    queue.cancel(run)
    queue.add_turn(run)

    queue.turns.finish(turn, TurnEnd(status="CANCELLED", result="Stopped."), worker="w1", at=NOW)

    assert (queue.run(run).status, queue.run(run).cancel_wanted) == ("PENDING", False)
    assert queue.claimed() == run


def test_finish_cuts_an_endless_result(queue: Queue) -> None:
    run = queue.add_run()
    turn = queue.turns.claim("w1")
    assert turn is not None

    queue.turns.finish(turn, TurnEnd(status="COMPLETE", result="long " * 50_000), worker="w1", at=NOW)

    result = queue.run(run).result
    assert len(result) <= 50_000
    assert result.endswith("[The rest is in the run's log.]")


def test_finish_stores_whatever_an_agent_wrote(queue: Queue) -> None:
    run = queue.add_run()
    turn = queue.turns.claim("w1")
    assert turn is not None
    secret = "ghp_" + "a1B2" * 9
    end = TurnEnd(
        status="COMPLETE",
        result=f"\x00 \ud800 {secret}",
        summary="\x00",
        session_id="s\x00",
        branch="b\udfff",
        used=Used(input_tokens=10**30, output_tokens=-1, cost=float("nan"), is_estimated=True),
    )

    queue.turns.finish(turn, end, worker="w1", at=NOW)

    found = queue.run(run)
    assert (found.result, found.summary, found.session_id) == ("\ufffd ? [redacted]", "\ufffd", "s\ufffd")
    assert (found.branch, found.input_tokens, found.output_tokens, found.cost) == ("b?", None, None, None)
