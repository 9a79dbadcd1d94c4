"""Jobs, from being accepted to being forgotten; the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from bot.storage.jobs import JobState, JobStore, Queue, QueuedJob

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def orders(database: Engine) -> JobStore:
    return JobStore(database)


def some(*identities: str) -> list[QueuedJob]:
    return [QueuedJob(identity, {"for": identity, "odd": "\x00 \U0001f600"}) for identity in identities]


def test_only_what_was_not_known_is_taken(orders: JobStore) -> None:
    assert orders.take(some("a", "b"), executor="one", at=NOON) == {"a", "b"}
    assert orders.take(some("b", "c"), executor="two", at=NOON) == {"c"}
    assert orders.find("b") == (JobState.WAITING, None)
    assert orders.find("d") is None


def test_queue_is_what_waits(orders: JobStore) -> None:
    assert orders.queue() == Queue(0, None)
    orders.take(some("a"), executor="one", at=NOON)
    orders.take(some("b"), executor="two", at=NOON + timedelta(minutes=1))
    assert orders.queue() == Queue(2, NOON)
    orders.start(["a"], executor="one")
    assert orders.queue() == Queue(1, NOON + timedelta(minutes=1))


def test_waiting_jobs_are_adopted_once_in_sequence(orders: JobStore) -> None:
    orders.take(some("late"), executor="gone", at=NOON + timedelta(seconds=1))
    orders.take(some("early"), executor="gone", at=NOON)
    orders.take(some("begun"), executor="gone", at=NOON)
    orders.start(["begun"], executor="gone")
    orders.take(some("elsewhere"), executor="other", at=NOON)
    assert orders.adopt(of="gone", executor="me") == some("early", "late")
    assert orders.adopt(of="gone", executor="you") == []
    assert orders.adopt(of="me", executor="me") == some("early", "late")


async def test_two_processes_that_adopt_at_once_share_nothing(orders: JobStore) -> None:
    orders.take(some(*map(str, range(50))), executor="gone", at=NOON)
    adopting = (asyncio.to_thread(orders.adopt, of="gone", executor=name) for name in ("me", "you"))
    mine, yours = await asyncio.gather(*adopting)
    assert sorted(invocation.identity for invocation in mine + yours) == sorted(map(str, range(50)))


def test_what_has_ended_is_known_until_it_is_forgotten(orders: JobStore) -> None:
    orders.take(some("a", "b", "c"), executor="one", at=NOON)
    orders.end({"a": "finished", "b": "failed"}, at=NOON)
    assert orders.find("a") == (JobState.ENDED, "finished")
    assert orders.find("b") == (JobState.ENDED, "failed")
    orders.start(["a"], executor="two")
    assert orders.find("a") == (JobState.ENDED, "finished")
    assert orders.take(some("a"), executor="one", at=NOON) == set()
    orders.forget(before=NOON)
    assert orders.find("a") is not None
    orders.forget(before=NOON + timedelta(seconds=1))
    assert orders.find("a") is None
    assert orders.find("c") == (JobState.WAITING, None)


def test_failed_job_may_be_queued_again(orders: JobStore) -> None:
    orders.take(some("a"), executor="one", at=NOON)
    orders.end({"a": "broken"}, at=NOON)
    orders.requeue(some("a")[0], executor="two", at=NOON)
    assert orders.find("a") == (JobState.WAITING, None)
    assert orders.adopt(of="two", executor="two") == some("a")


def test_adopt_lost_leaves_known_executors_alone(database: Engine) -> None:
    orders = JobStore(database)
    orders.take(some("lost"), executor="unknown", at=NOON)
    orders.take(some("theirs"), executor="alive", at=NOON)
    orders.take(some("ours"), executor="me", at=NOON)
    assert orders.adopt_lost(["alive"], executor="me") == some("lost")
    assert orders.adopt_lost(["alive"], executor="me") == []
