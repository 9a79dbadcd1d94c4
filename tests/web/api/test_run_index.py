"""An index of the newest runs reads no further back than it has to, and keeps no more of them than lists show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.codegen.client import PAGE_SIZE
from bot.codegen.models import AgentRun, RunsPage
from bot.errors import ErrorKind, Service, UpstreamError
from bot.web.api.excerpts import LARGEST_METADATA, LONGEST_TEXT, excerpt, excerpts
from bot.web.api.memory import size_of
from bot.web.api.run_index import FRESH, UNUSED, WHOLE_EVERY, RunIndexes
from tests.codegen.clock import Clock
from tests.replies.secret_table import TOKENS

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Pages:
    """A list of runs, an hour apart, of which is counted which pages were read."""

    def __init__(self, count: int) -> None:
        self.list = [self._run(number, count) for number in range(count, 0, -1)]
        self.read: list[int] = []
        self.broken: int | None = None
        """A page that cannot be read."""

    @staticmethod
    def _run(number: int, count: int) -> AgentRun:
        return AgentRun(
            id=number, organization_id=1, status="COMPLETE", created_at=NOON - timedelta(hours=count - number)
        )

    async def runs_page(self, number: int, **_: Any) -> RunsPage:
        self.read.append(number)
        if number == self.broken:
            raise UpstreamError(Service.CODEGEN, ErrorKind.SERVER_FAULT, "runs_page")
        first = (number - 1) * PAGE_SIZE
        return RunsPage(runs=tuple(self.list[first : first + PAGE_SIZE]), total=len(self.list))

    async def runs(self, **_: Any) -> AsyncIterator[AgentRun]:
        for number in range(1, len(self.list) // PAGE_SIZE + 2):
            for run in (await self.runs_page(number)).runs:
                yield run


class Sights:
    """What somebody was told of, by the runs' ids."""

    def __init__(self) -> None:
        self.told: list[int] = []

    async def __call__(self, org_id: int, runs: Iterable[AgentRun]) -> None:
        assert org_id == 1
        self.told += [run.id for run in runs]


async def shorten(_org_id: int, runs: Sequence[AgentRun]) -> tuple[AgentRun, ...]:
    return excerpts(runs, [()] * len(runs))


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def newest(indexes: RunIndexes, pages: Any, *, days: int, most: int = 2_000) -> list[int]:
    runs = await indexes.newest("token", 1, pages, days=days, now=NOON, most=most)
    return sorted(run.id for run in runs)


@pytest.mark.parametrize("days", [1, 3])
async def test_what_is_older_is_not_read_again_and_again(clock: Clock, days: int) -> None:
    pages, indexes = Pages(1_000), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    # From midnight of the first day on, noon's own hour among them.
    expected = [*range(1_000 - 12 - 24 * (days - 1), 1_001)]
    assert await newest(indexes, pages, days=days) == expected
    assert pages.read == [1]

    for _ in range(3):
        clock.now += FRESH
        assert await newest(indexes, pages, days=days) == expected
    assert pages.read == [1, 1, 1, 1]


async def test_what_is_new_is_seen(clock: Clock) -> None:
    pages, indexes = Pages(1_000), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    await newest(indexes, pages, days=1)
    pages.list.insert(0, AgentRun(id=1_001, organization_id=1, status="ACTIVE", created_at=NOON))
    clock.now += FRESH
    assert 1_001 in await newest(indexes, pages, days=1)
    assert pages.read == [1, 1]


async def test_of_very_many_only_the_newest_are_read(clock: Clock) -> None:
    pages, indexes = Pages(1_000), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    assert await newest(indexes, pages, days=90, most=200) == [*range(801, 1_001)]
    assert max(pages.read) <= 3
    clock.now += FRESH
    pages.read.clear()
    await newest(indexes, pages, days=90, most=200)
    assert pages.read == [1]


async def test_a_run_that_never_ends_does_not_have_the_whole_list_read_every_time(clock: Clock) -> None:
    pages, indexes = Pages(1_000), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    pages.list[-1] = pages.list[-1].model_copy(update={"status": "PENDING"})
    await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    pages.read.clear()
    for _ in range(10):
        clock.now += FRESH
        await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    assert pages.read == [*range(1, 11), *[1, 2] * 9]

    pages.list[-1] = pages.list[-1].model_copy(update={"status": "COMPLETE"})
    clock.now += FRESH
    assert all(run.finished for run in await indexes.all("token", 1, pages))  # type: ignore[arg-type]


async def test_only_what_was_read_just_now_is_told_on(clock: Clock) -> None:
    """What an index keeps from an earlier look says nothing of how a run is now."""
    pages, sights = Pages(250), Sights()
    indexes = RunIndexes(saw=sights, shortens=shorten, clock=clock)
    await newest(indexes, pages, days=90)
    assert sorted(sights.told) == [*range(1, 251)]

    sights.told.clear()
    await newest(indexes, pages, days=90)
    assert sights.told == []
    clock.now += FRESH
    await newest(indexes, pages, days=90)
    assert sorted(sights.told) == [*range(151, 251)]


async def test_run_index_answers_every_question(clock: Clock) -> None:
    """However many days are asked for, and in which order: nothing is read twice, and nothing kept twice."""
    pages, indexes = Pages(1_000), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    for days in (12, 1, 3, 40, 2, 12):
        found = await newest(indexes, pages, days=days)
        assert found == [*range(max(1, 1_000 - 12 - 24 * (days - 1)), 1_001)]
    assert pages.read == [*range(1, 11)]

    size = indexes.size
    assert len(await indexes.all("token", 1, pages)) == 1_000  # type: ignore[arg-type]
    assert (pages.read, indexes.size) == ([*range(1, 11)], size)


async def test_run_index_keeps_no_long_texts(clock: Clock) -> None:
    """800 results of 50 kB were 40 MB for each question and token."""
    pages, indexes = Pages(800), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    for place, run in enumerate(pages.list):
        pages.list[place] = run.model_copy(update={"result": f"{place} " + "x" * 50_000, "summary": "y" * 50_000})

    runs = await indexes.all("token", 1, pages)  # type: ignore[arg-type]

    assert {len(run.result or "") for run in runs} == {LONGEST_TEXT + 3}
    assert indexes.size == pytest.approx(sum(map(size_of, runs)))
    assert indexes.size < 800 * 5_000


def test_excerpt_short_run_stays_as_it_is() -> None:
    run = AgentRun(id=1, organization_id=1, result="Done.", summary="x" * LONGEST_TEXT, metadata={"ticket": [7]})

    assert excerpt(run) == run


def test_excerpt_large_metadata_keeps_what_the_bot_noted() -> None:
    mark = {"identity": "c-1", "login": "bob"}
    run = AgentRun(id=1, organization_id=1, metadata={"codegen_bot": mark, "multi_run_id": "m", "log": "x" * 16_000})

    assert excerpt(run).metadata == {"codegen_bot": mark, "multi_run_id": "m"}
    forged = run.model_copy(update={"metadata": {"codegen_bot": {"prompt": "x" * LARGEST_METADATA}}})
    assert excerpt(forged).metadata == {}


async def test_run_index_unused_one_is_dropped(clock: Clock) -> None:
    pages, indexes = Pages(10), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    await newest(indexes, pages, days=1)
    clock.now += UNUSED - 1
    assert indexes.drop_unused()
    assert indexes.size > 0

    clock.now += 1
    assert not indexes.drop_unused()
    assert indexes.size == 0


async def test_run_indexes_within_their_bytes(clock: Clock) -> None:
    """The index that was used longest ago makes room, and never the one that is asked."""
    pages, indexes = Pages(100), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    await indexes.all("one", 1, pages)  # type: ignore[arg-type]
    room = indexes.size * 5 // 2
    indexes = RunIndexes(saw=Sights(), shortens=shorten, clock=clock, most_bytes=room)
    for token in ("one", "two", "one", "three"):
        assert len(await indexes.all(token, 1, pages)) == 100  # type: ignore[arg-type]
        assert indexes.size <= room

    pages.read.clear()
    await indexes.all("one", 1, pages)  # type: ignore[arg-type]
    assert pages.read == []
    await indexes.all("two", 1, pages)  # type: ignore[arg-type]
    assert pages.read == [1]


async def test_run_index_failure_leaves_no_gap(clock: Clock) -> None:
    """Of many new runs, those on the first page were kept and those behind it never read."""
    pages, indexes = Pages(300), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    new = [AgentRun(id=number, organization_id=1, status="ACTIVE") for number in range(550, 300, -1)]
    pages.list = new + pages.list
    pages.broken = 2
    clock.now += FRESH
    with pytest.raises(UpstreamError):
        await indexes.all("token", 1, pages)  # type: ignore[arg-type]

    pages.broken = None
    assert len(await indexes.all("token", 1, pages)) == 550  # type: ignore[arg-type]


async def test_run_index_is_read_again_after_minutes(clock: Clock) -> None:
    pages, indexes = Pages(300), RunIndexes(saw=Sights(), shortens=shorten, clock=clock)
    await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    pages.list[-1] = pages.list[-1].model_copy(update={"status": "RUNNING"})
    clock.now += WHOLE_EVERY
    runs = await indexes.all("token", 1, pages)  # type: ignore[arg-type]

    assert [run.id for run in runs if not run.finished] == [1]


def test_excerpts_hold_no_half_of_a_secret() -> None:
    said = f"{'x ' * 485}key {'y' * 200} end"
    run = AgentRun(id=1, organization_id=1, result=said, summary=f"{'x ' * 490}{TOKENS['Linear']}")

    (short,) = excerpts([run], [["key y{200} end"]])

    assert short.result == f"{'x ' * 485}[redacted]"
    assert short.summary == f"{'x ' * 490}[redacted]"
