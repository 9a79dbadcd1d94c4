"""Events that wait for a config, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from bot.storage.deliveries import DeferredEvents

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_all_lists_the_longest_waiting_first(database: Engine) -> None:
    events = DeferredEvents(database)
    assert events.add("Octo/Shop", {"number": 2}, at=NOON)
    assert events.add("octo/docs", {"number": 1}, at=NOON - timedelta(minutes=1))

    waiting = events.all()

    assert [(each.repository, each.at) for each in waiting] == [
        ("octo/docs", NOON - timedelta(minutes=1)),
        ("octo/shop", NOON),
    ]
    assert [events.document(each.key) for each in waiting] == [{"number": 1}, {"number": 2}]


def test_add_twice_is_once(database: Engine) -> None:
    events = DeferredEvents(database)
    for minutes in (0, 5):
        assert events.add("octo/shop", {"a": 1, "b": 2}, at=NOON + timedelta(minutes=minutes))

    assert [each.at for each in events.all()] == [NOON]


def test_remove_takes_one_away(database: Engine) -> None:
    events = DeferredEvents(database)
    for number in (1, 2):
        events.add("octo/shop", {"number": number}, at=NOON + timedelta(minutes=number))
    first, second = events.all()

    events.remove(first.key)

    assert events.all() == [second]
    assert events.document(first.key) is None


@pytest.mark.parametrize("limit", [{"most_of_a_repository": 2}, {"most": 2}, {"largest_sum": 30}], ids=str)
def test_add_refuses_what_is_too_much(database: Engine, limit: dict[str, int]) -> None:
    events = DeferredEvents(database, **limit)

    added = [events.add("octo/shop", {"number": number}, at=NOON) for number in (1, 2, 3)]

    assert added == [True, True, False]
    assert events.add("octo/shop", {"number": 1}, at=NOON)  # it is there already


def test_add_bounds_each_repository_by_itself(database: Engine) -> None:
    events = DeferredEvents(database, most_of_a_repository=1)
    assert [events.add(name, {"number": 1, "of": name}, at=NOON) for name in ("octo/shop", "octo/docs")] == [True] * 2
