"""Who gives way when GitHub's limits of writes are used up: progress first, last words never."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Service
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import WINDOWS, ContentBudget, DroppedError, WritePriority
from bot.github.session import OpenSession
from tests.github.scripted_server import Reply, Script
from tests.github.slots import shows_progress, slot
from tests.harness.clock import Clock, SharedClock
from tests.harness.observer import RecordingObserver

COMMANDS_TRIED = 200


def budget_on(time: SharedClock, *, min_gap: float = 1.0) -> ContentBudget:
    return ContentBudget(min_gap=min_gap, clock=time, sleep=time.sleep)


def keeps_the_windows(moments: list[float]) -> bool:
    moments = sorted(moments)
    return all(
        later - earlier >= length
        for length, count in WINDOWS
        for earlier, later in zip(moments, moments[count:], strict=False)
    )


async def test_slot_order_by_priority_then_arrival() -> None:
    time, invocation = SharedClock(), list[str]()
    budget = budget_on(time)

    async def write(name: str, priority: WritePriority) -> None:
        await slot(budget, priority)
        invocation.append(name)

    for _ in range(5):
        await slot(budget)
    first, last = WritePriority.ORDINARY, WritePriority.FINAL_UPDATE
    wanted = (("first 1", first), ("first 2", first), ("last 1", last), ("first 3", first), ("last 2", last))
    await time.run(*(write(name, priority) for name, priority in wanted))
    assert invocation == ["last 1", "last 2", "first 1", "first 2", "first 3"]


async def test_progress_dropped_while_a_write_waits() -> None:
    time = SharedClock()
    budget = budget_on(time)
    for _ in range(5):
        await slot(budget)
    waiting = asyncio.create_task(slot(budget))
    await time.settle()
    assert not await shows_progress(budget)
    await time.run(waiting)
    time.now += 1
    assert await shows_progress(budget)


async def test_progress_uses_half_of_each_window() -> None:
    time = SharedClock()
    budget = budget_on(time, min_gap=0)
    for _ in range(39):
        await slot(budget)
    assert await shows_progress(budget)
    assert not await shows_progress(budget)
    for _ in range(40):
        assert await slot(budget) == 0
    time.now += 60
    assert await shows_progress(budget)


async def test_progress_is_spread_over_the_hour() -> None:
    """Whoever edits every second all the time is not silent for most of an hour after having been busy."""
    time, shown = SharedClock(), list[float]()
    budget = budget_on(time)
    for _ in range(2 * 3600):
        time.now += 1
        if await shows_progress(budget):
            shown.append(time.now)
    assert max(later - earlier for earlier, later in pairwise(shown)) <= 600
    assert 400 < len(shown) <= 500


async def test_progress_dropped_during_pause() -> None:
    time = SharedClock()
    budget = budget_on(time)
    budget.pause(30)
    assert not await shows_progress(budget)
    time.now += 30
    assert await shows_progress(budget)


async def test_final_updates_of_200_commands_follow_the_limits() -> None:
    """All have shown progress for two hours, as often as they could, when all of them end in the same moment."""
    time, progress, said = SharedClock(), list[float](), list[float]()
    budget = budget_on(time)
    for _ in range(2 * 3600 // 5):
        time.now += 5
        progress += [time.now for _ in range(COMMANDS_TRIED) if await shows_progress(budget)]
    ended = time.now

    async def command_run() -> None:
        await slot(budget, WritePriority.FINAL_UPDATE)
        said.append(time.now)
        await slot(budget)  # its reaction
        progress.append(time.now)

    async def still_at_work() -> None:
        while len(said) < COMMANDS_TRIED:
            assert not await shows_progress(budget)
            await time.sleep(1)

    await time.run(*(command_run() for _ in range(COMMANDS_TRIED)), still_at_work())
    assert len(said) == COMMANDS_TRIED
    # One a second but for the five at the beginning; nothing else came in between.
    assert max(said) - ended <= COMMANDS_TRIED
    assert keeps_the_windows([*progress, *said])


async def test_final_updates_go_first_in_a_full_hour() -> None:
    time, said = SharedClock(), list[tuple[float, WritePriority]]()
    budget = budget_on(time, min_gap=0)

    async def write(priority: WritePriority) -> None:
        await slot(budget, priority)
        said.append((time.now, priority))

    begun = time.now
    ordinary = [write(WritePriority.ORDINARY) for _ in range(700)]
    last = [write(WritePriority.FINAL_UPDATE) for _ in range(COMMANDS_TRIED)]
    await time.run(*ordinary, *last)
    last_words = [moment for moment, priority in said if priority is WritePriority.FINAL_UPDATE]
    assert max(last_words) - begun == 180  # a minute's worth was away already; then 80 of them, 80 more, and the rest
    assert keeps_the_windows([moment for moment, _ in said])


async def test_slow_writes_count_from_their_end() -> None:
    """GitHub counts what arrives, and some take seconds for what others do at once."""
    time, dice, arrived = SharedClock(), random.Random(7), list[float]()
    budget = budget_on(time, min_gap=0.1)

    async def write() -> None:
        async with budget.slot(WritePriority.ORDINARY):
            await time.sleep(dice.choice([0.2, 1.0, 5.0]))
            arrived.append(time.now)

    await time.run(*(write() for _ in range(1200)))
    assert len(arrived) == 1200
    assert keeps_the_windows(arrived)


async def test_write_in_flight_occupies_a_slot() -> None:
    """Two may write in a minute, and both are under way: the third waits for an end, and a minute more."""
    time = SharedClock()
    budget = ContentBudget(windows=[(60.0, 2)], clock=time, sleep=time.sleep)

    async def write(seconds: float) -> float:
        async with budget.slot(WritePriority.ORDINARY):
            begun = time.now
            await time.sleep(seconds)
            return begun

    begun = time.now
    writes = [asyncio.create_task(write(seconds)) for seconds in (100.0, 80.0, 1.0)]
    await time.run(*writes)
    assert [write.result() - begun for write in writes] == [0, 0, 140]


async def test_cancelled_waiter_lets_the_next_through() -> None:
    time = SharedClock()
    budget = budget_on(time)
    for _ in range(5):
        await slot(budget)
    waiting = [asyncio.create_task(slot(budget, WritePriority.FINAL_UPDATE)) for _ in range(2)]
    await time.settle()
    waiting[0].cancel()
    await time.settle()
    assert waiting[0].cancelled()
    await time.run(waiting[1])
    assert waiting[1].result() == 1.0
    assert budget.paused_for == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["last", "ordinary", "progress", "pause", "quiet", "cancel"]),
        st.integers(min_value=1, max_value=90),
    ),
    min_size=1,
    max_size=30,
)


@given(steps=STEPS, seed=st.integers(0, 2**16))
def test_windows_hold_and_no_write_starves(steps: list[tuple[str, int]], seed: int) -> None:
    asyncio.run(_lives_through(steps, random.Random(seed)))


async def _lives_through(steps: list[tuple[str, int]], dice: random.Random) -> None:
    time, moments, waiting = SharedClock(), list[float](), list[asyncio.Task[None]]()
    budget = budget_on(time, min_gap=dice.choice([0.0, 1.0]))
    cancelled = set[asyncio.Task[None]]()

    async def write(priority: WritePriority) -> None:
        async with budget.slot(priority):
            await time.sleep(dice.choice([0.0, 0.3, 5.0, 29.0]))
            moments.append(time.now)

    for word, number in steps:
        match word:
            case "last" | "ordinary":
                priority = WritePriority.FINAL_UPDATE if word == "last" else WritePriority.ORDINARY
                waiting += [asyncio.create_task(write(priority)) for _ in range(number)]
            case "progress":
                moments += [time.now for _ in range(number) if await shows_progress(budget)]
            case "pause":
                budget.pause(number)
            case "quiet":
                await time.advance(number * dice.choice([1, 10]))
            case _:
                asleep = [task for task in waiting if not task.done()]
                for task in dice.sample(asleep, min(number, len(asleep))):
                    task.cancel()
                    cancelled.add(task)
        await time.settle()
    await time.run(*(task for task in waiting if task not in cancelled))
    assert keeps_the_windows(moments)


async def test_yielding_writes_delay_others_one_gap_at_most() -> None:
    """A hundred of them wait when somebody else comes with a burst."""
    time, others = SharedClock(), list[float]()
    budget = budget_on(time)

    async def other() -> None:
        await time.sleep(3.5)
        for _ in range(4):
            await slot(budget)
            others.append(time.now)

    begun = time.now
    yielding = [asyncio.create_task(slot(budget, WritePriority.YIELDING)) for _ in range(100)]
    await time.run(other())
    for task in yielding:
        task.cancel()
    assert [moment - begun for moment in others] == [3.5] * 4


async def test_yielding_writes_have_a_tenth_of_each_window() -> None:
    time, sent = SharedClock(), list[float]()
    budget = budget_on(time)

    async def write() -> None:
        await slot(budget, WritePriority.YIELDING)
        sent.append(time.now)

    await time.run(*(write() for _ in range(120)))
    for length, count in ((60.0, 8), (3600.0, 50)):
        assert all(later - earlier >= length for earlier, later in zip(sent, sent[count:], strict=False))


async def test_progress_goes_before_yielding_writes() -> None:
    time = SharedClock()
    budget = budget_on(time)
    await slot(budget)
    waiting = asyncio.create_task(slot(budget, WritePriority.YIELDING))
    await time.settle()
    assert await shows_progress(budget)
    waiting.cancel()


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver(Service.GITHUB)


@pytest.fixture
def watched(session: OpenSession, script: Script, clock: Clock, observer: RecordingObserver) -> GitHub:
    """A client whose observer remembers."""
    return GitHub(
        session,
        TokenAuth("ghp_secret"),
        base_url=script.url,
        clock=clock,
        sleep=clock.sleep,
        new_budget=lambda: ContentBudget(clock=clock, sleep=clock.sleep),
        observer=observer,
    )


COMMENT = Reply(
    {
        "id": 5,
        "body": "x",
        "html_url": "https://github.com/octo/shop/issues/1#c5",
        "user": {"login": "codegen-bot[bot]", "type": "Bot"},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "author_association": "NONE",
    }
)


async def test_client_drops_progress_and_sends_final_update(
    script: Script, watched: GitHub, clock: Clock, observer: RecordingObserver
) -> None:
    script.on("PATCH", "/repos/octo/shop/issues/comments/5", COMMENT)
    for _ in range(5):
        await watched.edit_comment("octo/shop", 5, "x")
    with pytest.raises(DroppedError):
        await watched.edit_comment("octo/shop", 5, "x", priority=WritePriority.PROGRESS)
    await watched.edit_comment("octo/shop", 5, "x", priority=WritePriority.FINAL_UPDATE)
    assert len(script.requests) == 6
    assert (observer.dropped, observer.waits) == (1, [("content", 1.0)])
    assert clock.slept == [1.0]


async def test_progress_is_not_retried(
    script: Script, watched: GitHub, clock: Clock, observer: RecordingObserver
) -> None:
    """A last word that comes meanwhile would wait for the tries."""
    script.on("PATCH", "/repos/octo/shop/issues/comments/5", Reply(status=503), COMMENT)
    with pytest.raises(Exception, match="server-fault"):
        await watched.edit_comment("octo/shop", 5, "x", priority=WritePriority.PROGRESS)
    await watched.edit_comment("octo/shop", 5, "x", priority=WritePriority.PROGRESS)
    assert clock.slept == []
    assert observer.calls == [("edit_comment", "503"), ("edit_comment", "200")]


async def test_observer_gets_every_request_and_wait(
    script: Script, watched: GitHub, observer: RecordingObserver
) -> None:
    script.on(
        "GET",
        "/repos/octo/shop",
        Reply({}, cut=True),
        Reply({"message": "You have exceeded a secondary rate limit."}, 403, {"retry-after": "7"}),
        Reply(content=b"<html>"),
        Reply({"default_branch": "main"}),
    )
    assert await watched.default_branch("octo/shop") == "main"
    assert observer.calls == [("default_branch", status) for status in ("network", "rate-limited", "200", "200")]
    assert observer.waits == [("requests", 7.0)]


async def test_yielding_client_waits_behind_the_other(script: Script, watched: GitHub, clock: Clock) -> None:
    script.on("PATCH", "/repos/octo/shop/issues/comments/5", COMMENT)
    yielding = watched.yielding()
    await watched.edit_comment("octo/shop", 5, "x")
    await watched.edit_comment("octo/shop", 5, "x", priority=WritePriority.FINAL_UPDATE)
    assert clock.slept == []
    await yielding.edit_comment("octo/shop", 5, "x", priority=WritePriority.FINAL_UPDATE)
    assert clock.slept == [2.0]
