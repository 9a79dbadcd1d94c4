"""When runs ended, as far as somebody saw it; the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Engine

from bot.codegen.completion_times import CompletionTimes, RunTimes
from bot.codegen.models import AgentRun, LogEntry
from bot.storage.runs import CompletionTimeStore
from bot.storage.tables import METADATA
from tests.harness.log_lines import lines, logged

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def a_run(number: int, status: str) -> AgentRun:
    return AgentRun(id=number, organization_id=1, status=status, created_at=NOON)


def entry(second: float, message_type: str) -> LogEntry:
    return LogEntry(agent_run_id=7, created_at=NOON + timedelta(seconds=second), message_type=message_type)


class Watch:
    """Somebody who looks at runs at certain seconds."""

    def __init__(self, database: Engine) -> None:
        self.seconds = 0.0
        self.ends = CompletionTimes(CompletionTimeStore(database), now=lambda: NOON + timedelta(seconds=self.seconds))

    async def sees(self, second: float, number: int, status: str) -> None:
        self.seconds = second
        await self.ends.record(1, [a_run(number, status)])

    async def worked(self, number: int, status: str) -> float | None:
        return (await self.ends.of(1, [a_run(number, status)])).get(number, RunTimes()).working_seconds

    async def end(self, number: int, status: str = "COMPLETE") -> float | None:
        """Seconds after noon."""
        found = await self.ends.of(1, [a_run(number, status)])
        ended_at = found[number].ended_at if number in found else None
        return (ended_at - NOON).total_seconds() if ended_at else None


async def test_of_is_the_first_poll_that_saw_the_end(database: Engine) -> None:
    watch = Watch(database)
    for second, status in ((0, "ACTIVE"), (5, "ACTIVE"), (10, "COMPLETE"), (15, "COMPLETE")):
        await watch.sees(second, 7, status)
    assert await watch.end(7) == 10
    assert await watch.end(8) is None
    assert await watch.ends.of(2, [a_run(7, "COMPLETE")]) == {}
    assert await watch.end(7, "ACTIVE") is None


async def test_of_unobserved_end_is_left_out(database: Engine) -> None:
    watch = Watch(database)
    await watch.sees(0, 7, "COMPLETE")
    await watch.sees(0, 8, "ACTIVE")
    await watch.sees(60, 8, "COMPLETE")
    assert [await watch.end(7), await watch.end(8)] == [None, None]


async def test_record_twice_keeps_the_earlier_time(database: Engine) -> None:
    early, late = Watch(database), Watch(database)
    await early.sees(0, 7, "ACTIVE")
    await late.sees(0, 7, "ACTIVE")
    await early.sees(5, 7, "FAILED")
    await late.sees(20, 7, "FAILED")
    assert await late.end(7) == 5


async def test_record_resumed_run_ends_anew(database: Engine) -> None:
    watch = Watch(database)
    for second, status in ((0, "ACTIVE"), (5, "COMPLETE"), (50, "ACTIVE"), (55, "COMPLETE")):
        await watch.sees(second, 7, status)
    assert await watch.end(7) == 55


async def test_working_seconds_leave_out_the_time_between_two_spans(database: Engine) -> None:
    watch = Watch(database)
    for second, status in ((5, "ACTIVE"), (20, "COMPLETE"), (700, "ACTIVE")):
        await watch.sees(second, 7, status)
    watch.seconds = 710
    assert await watch.worked(7, "ACTIVE") == 20 + 10
    await watch.sees(715, 7, "ACTIVE")
    await watch.sees(725, 7, "COMPLETE")
    assert await watch.worked(7, "COMPLETE") == 20 + 25


async def test_working_seconds_survive_a_restart(database: Engine) -> None:
    before = Watch(database)
    for second, status in ((5, "ACTIVE"), (20, "COMPLETE"), (700, "ACTIVE")):
        await before.sees(second, 7, status)
    after = Watch(database)
    await after.sees(720, 7, "ACTIVE")
    await after.sees(725, 7, "FAILED")
    assert await after.worked(7, "FAILED") == 20 + 25


async def test_working_seconds_of_unobserved_second_end_are_not_known(database: Engine) -> None:
    """Until its log shows it."""
    watch = Watch(database)
    for second, status in ((5, "ACTIVE"), (20, "COMPLETE"), (700, "ACTIVE"), (800, "COMPLETE")):
        await watch.sees(second, 7, status)
    assert (await watch.end(7), await watch.worked(7, "COMPLETE")) == (None, None)

    log = [entry(0, "USER_MESSAGE"), entry(20, "FINAL_ANSWER"), entry(698, "USER_MESSAGE"), entry(750, "FINAL_ANSWER")]
    await watch.ends.record_log(1, a_run(7, "COMPLETE"), log, is_whole=True)
    assert (await watch.end(7), await watch.worked(7, "COMPLETE")) == (750, 750 - 678)


async def test_end_by_log_is_no_replacement_for_a_later_one(database: Engine) -> None:
    watch = Watch(database)
    await watch.sees(5, 7, "ACTIVE")
    await watch.sees(20, 7, "COMPLETE")
    await watch.ends.record_log(1, a_run(7, "COMPLETE"), [entry(19, "FINAL_ANSWER")], is_whole=True)
    assert (await watch.end(7), await watch.worked(7, "COMPLETE")) == (20, 20)


async def test_end_by_part_of_a_log(database: Engine) -> None:
    watch = Watch(database)
    await watch.ends.record_log(1, a_run(7, "COMPLETE"), [entry(19, "ACTION")], is_whole=False)
    assert (await watch.end(7), await watch.worked(7, "COMPLETE")) == (19, None)


async def test_record_database_error_is_ignored(database: Engine) -> None:
    watch = Watch(database)
    METADATA.drop_all(database)
    with logged() as log:
        await watch.sees(0, 7, "ACTIVE")
        await watch.sees(5, 7, "COMPLETE")
        assert await watch.end(7) is None
    assert [line["event"] for line in lines(log)] == [
        *["completion_times.write_failed"] * 2,
        "completion_times.read_failed",
    ]
