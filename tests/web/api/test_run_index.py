"""The index of the newest runs reads no further back than needed, and caches only what lists show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.codegen.models import PAGE_SIZE, AgentRun, RunsPage
from bot.errors import ErrorKind, Service, UpstreamError
from bot.upstream import giving_up_after, time_left
from bot.web.api.cache import size_of
from bot.web.api.excerpts import LARGEST_METADATA, LONGEST_TEXT, excerpt, excerpts
from bot.web.api.run_index import NEWS_INTERVAL, REREAD_INTERVAL, UNUSED_TTL, RunIndexes
from tests.harness.clock import Clock
from tests.text.redaction.secret_table import TOKENS

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Pages:
    """A list of runs, an hour apart, that records which pages were read."""

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


class Reports:
    """Records the ids of the runs that were reported."""

    def __init__(self) -> None:
        self.reported: list[int] = []

    async def __call__(self, org_id: int, runs: Iterable[AgentRun]) -> None:
        assert org_id == 1
        self.reported += [run.id for run in runs]


async def shorten(_org_id: int, runs: Sequence[AgentRun]) -> tuple[AgentRun, ...]:
    return excerpts(runs, [()] * len(runs))


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def newest(indexes: RunIndexes, pages: Any, *, days: int, most: int = 2_000) -> list[int]:
    runs = await indexes.newest("token", 1, pages, days=days, now=NOON, most=most)
    return sorted(run.id for run in runs)


@pytest.mark.parametrize("days", [1, 3])
async def test_index_does_not_reread_older_pages(clock: Clock, days: int) -> None:
    pages, indexes = Pages(1_000), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    # From midnight of the first day on, noon's own hour among them.
    expected = [*range(1_000 - 12 - 24 * (days - 1), 1_001)]
    assert await newest(indexes, pages, days=days) == expected
    assert pages.read == [1]

    for _ in range(3):
        clock.now += NEWS_INTERVAL
        assert await newest(indexes, pages, days=days) == expected
    assert pages.read == [1, 1, 1, 1]


async def test_each_page_has_time_of_its_own(clock: Clock) -> None:
    """A long list takes longer than one answer may, although Codegen answers all the time."""
    pages, indexes = Pages(1_000), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    left: list[float | None] = []

    class Watched:
        async def runs_page(self, number: int) -> RunsPage:
            left.append(time_left())
            return await pages.runs_page(number)

    with giving_up_after(0):
        await newest(indexes, Watched(), days=90)
    assert len(left) == 10
    assert all(left)


async def test_index_finds_new_run(clock: Clock) -> None:
    pages, indexes = Pages(1_000), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    await newest(indexes, pages, days=1)
    pages.list.insert(0, AgentRun(id=1_001, organization_id=1, status="ACTIVE", created_at=NOON))
    clock.now += NEWS_INTERVAL
    assert 1_001 in await newest(indexes, pages, days=1)
    assert pages.read == [1, 1]


async def test_index_reads_newest_runs_only(clock: Clock) -> None:
    pages, indexes = Pages(1_000), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    assert await newest(indexes, pages, days=90, most=200) == [*range(801, 1_001)]
    assert max(pages.read) <= 3
    clock.now += NEWS_INTERVAL
    pages.read.clear()
    await newest(indexes, pages, days=90, most=200)
    assert pages.read == [1]


async def test_index_does_not_reread_all_for_unfinished_run(clock: Clock) -> None:
    pages, indexes = Pages(1_000), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    pages.list[-1] = pages.list[-1].model_copy(update={"status": "PENDING"})
    await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    pages.read.clear()
    for _ in range(10):
        clock.now += NEWS_INTERVAL
        await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    assert pages.read == [*range(1, 11), *[1, 2] * 9]

    pages.list[-1] = pages.list[-1].model_copy(update={"status": "COMPLETE"})
    clock.now += NEWS_INTERVAL
    assert all(run.finished for run in await indexes.all("token", 1, pages))  # type: ignore[arg-type]


async def test_index_reports_only_runs_just_read(clock: Clock) -> None:
    """An index's older excerpts do not show a run's present state."""
    pages, reports = Pages(250), Reports()
    indexes = RunIndexes(on_read=reports, shorten=shorten, clock=clock)
    await newest(indexes, pages, days=90)
    assert sorted(reports.reported) == [*range(1, 251)]

    reports.reported.clear()
    await newest(indexes, pages, days=90)
    assert reports.reported == []
    clock.now += NEWS_INTERVAL
    await newest(indexes, pages, days=90)
    assert sorted(reports.reported) == [*range(151, 251)]


async def test_index_serves_every_period(clock: Clock) -> None:
    """In any order: nothing is read or cached twice."""
    pages, indexes = Pages(1_000), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    for days in (12, 1, 3, 40, 2, 12):
        found = await newest(indexes, pages, days=days)
        assert found == [*range(max(1, 1_000 - 12 - 24 * (days - 1)), 1_001)]
    assert pages.read == [*range(1, 11)]

    size = indexes.size
    assert len(await indexes.all("token", 1, pages)) == 1_000  # type: ignore[arg-type]
    assert (pages.read, indexes.size) == ([*range(1, 11)], size)


async def test_index_holds_no_long_texts(clock: Clock) -> None:
    """800 results of 50 kB would be 40 MB per token."""
    pages, indexes = Pages(800), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    for place, run in enumerate(pages.list):
        pages.list[place] = run.model_copy(update={"result": f"{place} " + "x" * 50_000, "summary": "y" * 50_000})

    runs = await indexes.all("token", 1, pages)  # type: ignore[arg-type]

    assert {len(run.result or "") for run in runs} == {LONGEST_TEXT + 3}
    assert indexes.size == pytest.approx(sum(map(size_of, runs)))
    assert indexes.size < 800 * 6_500


def test_excerpt_of_short_run_is_unchanged() -> None:
    run = AgentRun(id=1, organization_id=1, result="Done.", summary="x" * LONGEST_TEXT, metadata={"ticket": [7]})

    assert excerpt(run) == run


def test_excerpt_keeps_own_metadata() -> None:
    mark = {"identity": "c-1", "login": "bob"}
    run = AgentRun(id=1, organization_id=1, metadata={"codegen_bot": mark, "multi_run_id": "m", "log": "x" * 16_000})

    assert excerpt(run).metadata == {"codegen_bot": mark, "multi_run_id": "m"}
    forged = run.model_copy(update={"metadata": {"codegen_bot": {"prompt": "x" * LARGEST_METADATA}}})
    assert excerpt(forged).metadata == {}


async def test_index_unused_is_dropped(clock: Clock) -> None:
    pages, indexes = Pages(10), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    await newest(indexes, pages, days=1)
    clock.now += UNUSED_TTL - 1
    assert indexes.drop_unused()
    assert indexes.size > 0

    clock.now += 1
    assert not indexes.drop_unused()
    assert indexes.size == 0


async def test_indexes_are_bounded_in_bytes(clock: Clock) -> None:
    """The least recently used index is dropped, and never the one in use."""
    pages, indexes = Pages(100), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    await indexes.all("one", 1, pages)  # type: ignore[arg-type]
    room = indexes.size * 5 // 2
    indexes = RunIndexes(on_read=Reports(), shorten=shorten, clock=clock, most_bytes=room)
    for token in ("one", "two", "one", "three"):
        assert len(await indexes.all(token, 1, pages)) == 100  # type: ignore[arg-type]
        assert indexes.size <= room

    pages.read.clear()
    await indexes.all("one", 1, pages)  # type: ignore[arg-type]
    assert pages.read == []
    await indexes.all("two", 1, pages)  # type: ignore[arg-type]
    assert pages.read == [1]


async def test_index_has_no_gap_after_failure(clock: Clock) -> None:
    """Adding only the first of two new pages would leave a gap."""
    pages, indexes = Pages(300), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    new = [AgentRun(id=number, organization_id=1, status="ACTIVE") for number in range(550, 300, -1)]
    pages.list = new + pages.list
    pages.broken = 2
    clock.now += NEWS_INTERVAL
    with pytest.raises(UpstreamError):
        await indexes.all("token", 1, pages)  # type: ignore[arg-type]

    pages.broken = None
    assert len(await indexes.all("token", 1, pages)) == 550  # type: ignore[arg-type]


async def test_index_is_reread_after_minutes(clock: Clock) -> None:
    pages, indexes = Pages(300), RunIndexes(on_read=Reports(), shorten=shorten, clock=clock)
    await indexes.all("token", 1, pages)  # type: ignore[arg-type]
    pages.list[-1] = pages.list[-1].model_copy(update={"status": "RUNNING"})
    clock.now += REREAD_INTERVAL
    runs = await indexes.all("token", 1, pages)  # type: ignore[arg-type]

    assert [run.id for run in runs if not run.finished] == [1]


def test_excerpts_contain_no_partial_secret() -> None:
    response = f"{'x ' * 485}key {'y' * 200} end"
    run = AgentRun(id=1, organization_id=1, result=response, summary=f"{'x ' * 490}{TOKENS['Linear']}")

    (short,) = excerpts([run], [["key y{200} end"]])

    assert short.result == f"{'x ' * 485}[redacted]"
    assert short.summary == f"{'x ' * 490}[redacted]"
