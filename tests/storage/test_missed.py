"""What is remembered about missed deliveries; the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from bot.storage.deliveries import MissedDeliveries, Redelivery

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def missed(database: Engine) -> MissedDeliveries:
    return MissedDeliveries(database)


def test_how_far_one_has_looked_is_known_for_each_source(missed: MissedDeliveries) -> None:
    assert missed.searched_until("one") is None
    missed.set_searched("one", until=NOON)
    missed.set_searched("one", until=NOON + timedelta(hours=1))
    assert missed.searched_until("one") == NOON + timedelta(hours=1)
    assert missed.searched_until("two") is None


def test_delivery_that_was_asked_for_is_known_by_its_guid(missed: MissedDeliveries) -> None:
    # GitHub's ids are longer than 32 bits.
    missed.set_redelivery("a", Redelivery(2**40, 1, NOON))
    missed.set_redelivery("a", Redelivery(2**40 + 1, 2, NOON + timedelta(minutes=1)))
    assert missed.redeliveries(["a", "b"]) == {"a": Redelivery(2**40 + 1, 2, NOON + timedelta(minutes=1))}
    assert missed.redeliveries([]) == {}


def test_as_many_guids_as_one_look_finds_are_looked_up_at_once(missed: MissedDeliveries) -> None:
    """After a long outage a log holds ten thousand failures (`bot.execution.redelivery.delivery_log.MOST_READ`)."""
    missed.set_redelivery("guid-9999", Redelivery(1, 1, NOON))
    assert [*missed.redeliveries([f"guid-{number}" for number in range(10_000)])] == ["guid-9999"]


def test_what_was_asked_for_long_ago_is_forgotten(missed: MissedDeliveries) -> None:
    missed.set_redelivery("old", Redelivery(1, 1, NOON - timedelta(days=7)))
    missed.set_redelivery("new", Redelivery(2, 1, NOON))
    missed.forget(before=NOON - timedelta(days=6))
    assert [*missed.redeliveries(["old", "new"])] == ["new"]


def test_repository_is_known_since_it_was_seen_first(missed: MissedDeliveries) -> None:
    missed.add_repository("octo/shop", at=NOON)
    missed.add_repository("octo/shop", at=NOON + timedelta(days=1))
    assert missed.repositories() == {"octo/shop": NOON}
