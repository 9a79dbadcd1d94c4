"""When runs ended, as far as somebody saw it; the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Engine

from bot.codegen.models import AgentRun
from bot.completion_times import CompletionTimes
from bot.store.completion_times import CompletionTimeStore
from bot.store.tables import METADATA
from tests.log_lines import lines, logged

pytest_plugins = ["tests.databases"]

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def a_run(number: int, status: str) -> AgentRun:
    return AgentRun(id=number, organization_id=1, status=status)


class Watch:
    """Somebody who looks at runs at certain seconds."""

    def __init__(self, database: Engine) -> None:
        self.seconds = 0.0
        self.ends = CompletionTimes(CompletionTimeStore(database), now=lambda: NOON + timedelta(seconds=self.seconds))

    async def sees(self, second: float, number: int, status: str) -> None:
        self.seconds = second
        await self.ends.saw(1, [a_run(number, status)])

    async def end(self, number: int) -> float | None:
        """Seconds after noon."""
        found = await self.ends.of(1, [a_run(number, "COMPLETE")])
        return (found[number] - NOON).total_seconds() if number in found else None


async def test_the_first_sight_of_an_end_is_when_it_ended(database: Engine) -> None:
    watch = Watch(database)
    for second, status in ((0, "ACTIVE"), (5, "ACTIVE"), (10, "COMPLETE"), (15, "COMPLETE")):
        await watch.sees(second, 7, status)
    assert await watch.end(7) == 10
    assert await watch.end(8) is None
    assert await watch.ends.of(2, [a_run(7, "COMPLETE")]) == {}
    assert await watch.ends.of(1, [a_run(7, "ACTIVE")]) == {}


async def test_an_end_that_nobody_saw_come_has_no_time(database: Engine) -> None:
    watch = Watch(database)
    await watch.sees(0, 7, "COMPLETE")
    await watch.sees(0, 8, "ACTIVE")
    await watch.sees(60, 8, "COMPLETE")
    assert [await watch.end(7), await watch.end(8)] == [None, None]


async def test_of_two_who_saw_it_the_earlier_one_is_right(database: Engine) -> None:
    early, late = Watch(database), Watch(database)
    await early.sees(0, 7, "ACTIVE")
    await late.sees(0, 7, "ACTIVE")
    await early.sees(5, 7, "FAILED")
    await late.sees(20, 7, "FAILED")
    assert await late.end(7) == 5


async def test_a_run_that_was_resumed_ends_anew(database: Engine) -> None:
    watch = Watch(database)
    for second, status in ((0, "ACTIVE"), (5, "COMPLETE"), (50, "ACTIVE"), (55, "COMPLETE")):
        await watch.sees(second, 7, status)
    assert await watch.end(7) == 55


async def test_a_database_that_does_nothing_keeps_nobody_from_looking(database: Engine) -> None:
    watch = Watch(database)
    METADATA.drop_all(database)
    with logged() as log:
        await watch.sees(0, 7, "ACTIVE")
        await watch.sees(5, 7, "COMPLETE")
        assert await watch.end(7) is None
    assert [line["event"] for line in lines(log)] == ["completion_times.write_failed", "completion_times.read_failed"]
