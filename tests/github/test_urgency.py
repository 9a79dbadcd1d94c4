"""Who gives way when GitHub's limits of writes are used up: progress first, last words never."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Service
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import WINDOWS, ContentBudget, DroppedError, WritePriority
from tests.github.answering import Clock, Reply, Script
from tests.github.turns import shows_progress, slot
from tests.github.virtual_time import VirtualTime

COMMANDS_TRIED = 200


def budget_on(time: VirtualTime, *, min_gap: float = 1.0) -> ContentBudget:
    return ContentBudget(min_gap=min_gap, clock=time, sleep=time.sleep)


def keeps_the_windows(moments: list[float]) -> bool:
    moments = sorted(moments)
    return all(
        later - earlier >= length
        for length, count in WINDOWS
        for earlier, later in zip(moments, moments[count:], strict=False)
    )


async def test_the_more_urgent_goes_first_and_alike_ones_in_the_order_they_came() -> None:
    time, invocation = VirtualTime(), list[str]()
    budget = budget_on(time)

    async def write(name: str, urgency: WritePriority) -> None:
        await slot(budget, urgency)
        invocation.append(name)

    for _ in range(5):
        await slot(budget)
    first, last = WritePriority.ORDINARY, WritePriority.FINAL_UPDATE
    wanted = (("first 1", first), ("first 2", first), ("last 1", last), ("first 3", first), ("last 2", last))
    await time.all(*(write(name, urgency) for name, urgency in wanted))
    assert invocation == ["last 1", "last 2", "first 1", "first 2", "first 3"]


async def test_progress_does_not_go_before_somebody_who_waits() -> None:
    time = VirtualTime()
    budget = budget_on(time)
    for _ in range(5):
        await slot(budget)
    waiting = asyncio.create_task(slot(budget))
    await time.settle()
    assert not await shows_progress(budget)
    await time.all(waiting)
    time.now += 1
    assert await shows_progress(budget)


async def test_progress_leaves_half_of_every_window_to_others() -> None:
    time = VirtualTime()
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
    time, shown = VirtualTime(), list[float]()
    budget = budget_on(time)
    for _ in range(2 * 3600):
        time.now += 1
        if await shows_progress(budget):
            shown.append(time.now)
    assert max(later - earlier for earlier, later in pairwise(shown)) <= 600
    assert 400 < len(shown) <= 500


async def test_no_progress_while_github_says_to_wait() -> None:
    time = VirtualTime()
    budget = budget_on(time)
    budget.pause(30)
    assert not await shows_progress(budget)
    time.now += 30
    assert await shows_progress(budget)


async def test_last_words_of_two_hundred_stories_come_at_the_pace_of_the_limits() -> None:
    """All have shown progress for two hours, as often as they could, when all of them end in the same moment."""
    time, progress, said = VirtualTime(), list[float](), list[float]()
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

    await time.all(*(command_run() for _ in range(COMMANDS_TRIED)), still_at_work())
    assert len(said) == COMMANDS_TRIED
    # One a second but for the five at the beginning; nothing else came in between.
    assert max(said) - ended <= COMMANDS_TRIED
    assert keeps_the_windows([*progress, *said])


async def test_last_words_go_first_also_where_the_hour_is_used_up() -> None:
    time, said = VirtualTime(), list[tuple[float, WritePriority]]()
    budget = budget_on(time, min_gap=0)

    async def write(urgency: WritePriority) -> None:
        await slot(budget, urgency)
        said.append((time.now, urgency))

    begun = time.now
    ordinary = [write(WritePriority.ORDINARY) for _ in range(700)]
    last = [write(WritePriority.FINAL_UPDATE) for _ in range(COMMANDS_TRIED)]
    await time.all(*ordinary, *last)
    last_words = [moment for moment, urgency in said if urgency is WritePriority.FINAL_UPDATE]
    assert max(last_words) - begun == 180  # a minute's worth was away already; then 80 of them, 80 more, and the rest
    assert keeps_the_windows([moment for moment, _ in said])


async def test_writes_that_are_long_on_their_way_are_not_too_many_when_they_arrive() -> None:
    """GitHub counts what arrives, and some take seconds for what others do at once."""
    time, dice, arrived = VirtualTime(), random.Random(7), list[float]()
    budget = budget_on(time, min_gap=0.1)

    async def write() -> None:
        async with budget.place(WritePriority.ORDINARY):
            await time.sleep(dice.choice([0.2, 1.0, 5.0]))
            arrived.append(time.now)

    await time.all(*(write() for _ in range(1200)))
    assert len(arrived) == 1200
    assert keeps_the_windows(arrived)


async def test_whoever_is_under_way_keeps_a_place_until_the_end() -> None:
    """Two may write in a minute, and both are under way: the third waits for an end, and a minute more."""
    time = VirtualTime()
    budget = ContentBudget(windows=[(60.0, 2)], clock=time, sleep=time.sleep)

    async def write(seconds: float) -> float:
        async with budget.place(WritePriority.ORDINARY):
            begun = time.now
            await time.sleep(seconds)
            return begun

    begun = time.now
    writes = [asyncio.create_task(write(seconds)) for seconds in (100.0, 80.0, 1.0)]
    await time.all(*writes)
    assert [write.result() - begun for write in writes] == [0, 0, 140]


async def test_a_waiter_that_is_cancelled_lets_the_next_one_through() -> None:
    time = VirtualTime()
    budget = budget_on(time)
    for _ in range(5):
        await slot(budget)
    waiting = [asyncio.create_task(slot(budget, WritePriority.FINAL_UPDATE)) for _ in range(2)]
    await time.settle()
    waiting[0].cancel()
    await time.settle()
    assert waiting[0].cancelled()
    await time.all(waiting[1])
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
@settings(max_examples=60, deadline=None)
def test_whatever_happens_the_windows_are_kept_and_everybody_gets_a_turn(
    steps: list[tuple[str, int]], seed: int
) -> None:
    asyncio.run(_lives_through(steps, random.Random(seed)))


async def _lives_through(steps: list[tuple[str, int]], dice: random.Random) -> None:
    time, moments, waiting = VirtualTime(), list[float](), list[asyncio.Task[None]]()
    budget = budget_on(time, min_gap=dice.choice([0.0, 1.0]))
    cancelled = set[asyncio.Task[None]]()

    async def write(urgency: WritePriority) -> None:
        async with budget.place(urgency):
            await time.sleep(dice.choice([0.0, 0.3, 5.0, 29.0]))
            moments.append(time.now)

    for word, number in steps:
        match word:
            case "last" | "ordinary":
                urgency = WritePriority.FINAL_UPDATE if word == "last" else WritePriority.ORDINARY
                waiting += [asyncio.create_task(write(urgency)) for _ in range(number)]
            case "progress":
                moments += [time.now for _ in range(number) if await shows_progress(budget)]
            case "pause":
                budget.pause(number)
            case "quiet":
                await time.passes(number * dice.choice([1, 10]))
            case _:
                asleep = [task for task in waiting if not task.done()]
                for task in dice.sample(asleep, min(number, len(asleep))):
                    task.cancel()
                    cancelled.add(task)
        await time.settle()
    await time.all(*(task for task in waiting if task not in cancelled))
    assert keeps_the_windows(moments)


async def test_yielding_writes_cost_others_one_gap_at_most() -> None:
    """A hundred of them wait when somebody else comes with a burst."""
    time, others = VirtualTime(), list[float]()
    budget = budget_on(time)

    async def other() -> None:
        await time.sleep(3.5)
        for _ in range(4):
            await slot(budget)
            others.append(time.now)

    begun = time.now
    yielding = [asyncio.create_task(slot(budget, WritePriority.YIELDING)) for _ in range(100)]
    await time.all(other())
    for task in yielding:
        task.cancel()
    assert [moment - begun for moment in others] == [3.5] * 4


async def test_yielding_writes_have_a_tenth_of_each_window() -> None:
    time, sent = VirtualTime(), list[float]()
    budget = budget_on(time)

    async def write() -> None:
        await slot(budget, WritePriority.YIELDING)
        sent.append(time.now)

    await time.all(*(write() for _ in range(120)))
    for length, count in ((60.0, 8), (3600.0, 50)):
        assert all(later - earlier >= length for earlier, later in zip(sent, sent[count:], strict=False))


async def test_progress_goes_before_yielding_writes() -> None:
    time = VirtualTime()
    budget = budget_on(time)
    await slot(budget)
    waiting = asyncio.create_task(slot(budget, WritePriority.YIELDING))
    await time.settle()
    assert await shows_progress(budget)
    waiting.cancel()


class Heard:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.waits: list[tuple[str, float]] = []
        self.gone = 0

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        assert service is Service.GITHUB
        assert seconds >= 0
        self.calls.append((operation, status))

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        assert service is Service.GITHUB
        self.waits.append((limit, seconds))

    def left_out(self) -> None:
        self.gone += 1


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watched(session: aiohttp.ClientSession, script: Script, clock: Clock, heard: Heard) -> GitHub:
    """A client whose observer remembers."""
    return GitHub(
        session,
        TokenAuth("ghp_secret"),
        base_url=script.url,
        clock=clock,
        sleep=clock.sleep,
        new_budget=lambda: ContentBudget(clock=clock, sleep=clock.sleep),
        observer=heard,
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


async def test_the_client_leaves_progress_out_and_sends_the_last_word(
    script: Script, watched: GitHub, clock: Clock, heard: Heard
) -> None:
    script.on("PATCH", "/repos/octo/shop/issues/comments/5", COMMENT)
    for _ in range(5):
        await watched.edit_comment("octo/shop", 5, "x")
    with pytest.raises(DroppedError):
        await watched.edit_comment("octo/shop", 5, "x", urgency=WritePriority.PROGRESS)
    await watched.edit_comment("octo/shop", 5, "x", urgency=WritePriority.FINAL_UPDATE)
    assert len(script.requests) == 6
    assert (heard.gone, heard.waits) == (1, [("content", 1.0)])
    assert clock.slept == [1.0]


async def test_progress_is_tried_once(script: Script, watched: GitHub, clock: Clock, heard: Heard) -> None:
    """A last word that comes meanwhile would wait for the tries."""
    script.on("PATCH", "/repos/octo/shop/issues/comments/5", Reply(status=503), COMMENT)
    with pytest.raises(Exception, match="server-fault"):
        await watched.edit_comment("octo/shop", 5, "x", urgency=WritePriority.PROGRESS)
    await watched.edit_comment("octo/shop", 5, "x", urgency=WritePriority.PROGRESS)
    assert clock.slept == []
    assert heard.calls == [("edit_comment", "503"), ("edit_comment", "200")]


async def test_an_observer_hears_of_every_request_and_every_wait(script: Script, watched: GitHub, heard: Heard) -> None:
    script.on(
        "GET",
        "/repos/octo/shop",
        Reply({}, cut=True),
        Reply({"message": "You have exceeded a secondary rate limit."}, 403, {"retry-after": "7"}),
        Reply(content=b"<html>"),
        Reply({"default_branch": "main"}),
    )
    assert await watched.default_branch("octo/shop") == "main"
    assert heard.calls == [("default_branch", status) for status in ("network", "rate-limited", "200", "200")]
    assert heard.waits == [("requests", 7.0)]


async def test_yielding_client_waits_behind_the_other(script: Script, watched: GitHub, clock: Clock) -> None:
    script.on("PATCH", "/repos/octo/shop/issues/comments/5", COMMENT)
    yielding = watched.yielding()
    await watched.edit_comment("octo/shop", 5, "x")
    await watched.edit_comment("octo/shop", 5, "x", urgency=WritePriority.FINAL_UPDATE)
    assert clock.slept == []
    await yielding.edit_comment("octo/shop", 5, "x", urgency=WritePriority.FINAL_UPDATE)
    assert clock.slept == [2.0]
