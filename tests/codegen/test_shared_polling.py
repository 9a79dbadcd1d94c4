"""Several processes watch an organization's runs: one looks, all see, and another looks when that one is gone."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.codegen.models import AgentRun
from bot.codegen.polling import PolledRun, PollInterval, PollResult, Unreadable
from bot.codegen.shared_polling import SharedRuns
from bot.codegen.watcher import RunWatcher
from bot.errors import ErrorKind, Service, UpstreamError
from bot.storage.database import open_engine
from bot.storage.executors import Executors
from bot.storage.watched_runs import WatchedRuns
from tests.harness import TIMEOUT

SHORT = 0.02


def run(number: int, status: str, result: str | None = None) -> AgentRun:
    return AgentRun(id=number, organization_id=1, status=status, result=result)


@dataclass
class Codegen:
    """What there is to be seen, and who looked at what."""

    runs: dict[int, PolledRun] = field(default_factory=dict)
    looks: list[tuple[str, list[int]]] = field(default_factory=list)
    failure: UpstreamError | None = None
    alive: list[str] = field(default_factory=list)
    rounds: Counter[str] = field(default_factory=Counter)

    def seen_by(self, name: str) -> SeenBy:
        return SeenBy(self, name)

    def lookers(self) -> set[str]:
        """Since the last question, those who looked at anything."""
        lookers = {name for name, wanted in self.looks if wanted}
        self.looks.clear()
        return lookers


@dataclass
class SeenBy:
    codegen: Codegen
    name: str

    async def poll(self, wanted: Sequence[int]) -> PollResult:
        self.codegen.looks.append((self.name, [*wanted]))
        if self.codegen.failure is not None:
            raise self.codegen.failure
        return PollResult(runs=tuple(self.codegen.runs[each] for each in wanted if each in self.codegen.runs))


@pytest.fixture
def codegen() -> Codegen:
    return Codegen()


@asynccontextmanager
async def process(url: str, codegen: Codegen, name: str) -> AsyncIterator[RunWatcher]:
    async with sharing(url, codegen, name) as (_, watcher):
        yield watcher


def watched(url: str) -> list[int]:
    engine = open_engine(url)
    try:
        return WatchedRuns(engine, 1).watched()[0]
    finally:
        engine.dispose()


@asynccontextmanager
async def sharing(
    url: str, codegen: Codegen, name: str, *, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[tuple[SharedRuns, RunWatcher]]:
    database = open_engine(url)
    codegen.alive.append(name)

    async def end_round(_seconds: float) -> None:
        codegen.rounds[name] += 1
        await asyncio.sleep(SHORT)

    shared = SharedRuns(
        WatchedRuns(database, 1),
        codegen.seen_by(name),
        executor=name,
        is_leader=lambda: codegen.alive[:1] == [name],
        interval=PollInterval(SHORT, SHORT),
        clock=clock,
        sleep=end_round,
    )
    leading = asyncio.create_task(shared.lead())
    watcher = RunWatcher(shared, interval=PollInterval(SHORT, SHORT))
    try:
        yield shared, watcher
    finally:
        await watcher.aclose()
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        codegen.alive.remove(name)
        database.dispose()


async def rounds(codegen: Codegen, count: int) -> None:
    """Waits until the leader has come to the end of so many rounds."""
    leader = codegen.alive[0]
    before = codegen.rounds[leader]
    await soon(lambda: codegen.rounds[leader] >= before + count)


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110 - what another thread writes calls nobody
            await asyncio.sleep(SHORT)


async def test_lead_polls_for_all_processes(postgresql_url: str, codegen: Codegen) -> None:
    codegen.runs = {1: run(1, "RUNNING"), 2: run(2, "RUNNING")}
    async with process(postgresql_url, codegen, "a") as first, process(postgresql_url, codegen, "b") as second:
        told: list[str | None] = []

        async def hear(state: AgentRun) -> None:
            told.append(state.status)

        waits = [
            asyncio.create_task(first.finished(1)),
            asyncio.create_task(second.finished(2, on_change=hear)),
            asyncio.create_task(second.finished(1)),
        ]
        await soon(lambda: told == ["RUNNING"])
        codegen.runs[1] = run(1, "COMPLETE", "Done.")
        assert {(await waits[0]).result, (await waits[2]).result} == {"Done."}
        codegen.runs[2] = run(2, "FAILED")
        assert (await waits[1]).status == "FAILED"
        assert len(codegen.lookers()) == 1

        def is_nothing_wanted() -> bool:
            codegen.looks.clear()
            return watched(postgresql_url) == []

        await soon(is_nothing_wanted)
        # A round may have begun before.
        await rounds(codegen, 1)
        codegen.looks.clear()
        await rounds(codegen, 3)
        assert codegen.looks == []


async def test_lead_taken_over_from_dead_leader(postgresql_url: str, codegen: Codegen) -> None:
    codegen.runs = {1: run(1, "RUNNING")}
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(process(postgresql_url, codegen, "a"))
        waiting = asyncio.create_task(first.finished(1))
        await soon(lambda: codegen.lookers() == {"a"})
        async with process(postgresql_url, codegen, "b") as second:
            other = asyncio.create_task(second.finished(1))
            waiting.cancel()
            await stack.aclose()
            codegen.looks.clear()
            await soon(lambda: codegen.lookers() == {"b"})
            codegen.runs[1] = run(1, "COMPLETE", "Done.")
            assert (await other).result == "Done."


async def test_lag_of_leader_during_outage(postgresql_url: str, codegen: Codegen) -> None:
    """What the others see in the database looks fresh to them."""
    codegen.runs, now = {1: run(1, "RUNNING")}, 0.0

    def clock() -> float:
        return now

    async with (
        sharing(postgresql_url, codegen, "a", clock=clock) as (first, watcher),
        sharing(postgresql_url, codegen, "b", clock=clock) as (second, _),
    ):
        waiting = asyncio.create_task(watcher.finished(1))
        await soon(lambda: codegen.lookers() != set())
        codegen.failure = UpstreamError(Service.CODEGEN, ErrorKind.SERVER_FAULT, "runs_page", 503)
        codegen.looks.clear()
        await soon(lambda: codegen.looks != [])
        now = 200.0
        assert sorted([first.lag, second.lag]) == [0.0, 200.0]
        codegen.failure = None
        await soon(lambda: first.lag == second.lag == 0.0)
        waiting.cancel()


async def test_poll_database_error_is_skipped(codegen: Codegen) -> None:
    database = open_engine("postgresql://bot@127.0.0.1:1/bot")
    shared = SharedRuns(WatchedRuns(database, 1), codegen.seen_by("a"), executor="a", is_leader=lambda: True)
    assert await shared.poll([1]) == PollResult(is_skipped=True)
    database.dispose()


async def test_poll_ignores_states_before_the_wait(postgresql_url: str, codegen: Codegen) -> None:
    old = codegen.runs[1] = run(1, "COMPLETE", "The first answer.")
    async with process(postgresql_url, codegen, "a") as watcher:
        assert await watcher.finished(1) == old
        resumed = asyncio.create_task(watcher.finished(1, known=old, resumed=True))
        codegen.looks.clear()
        await soon(lambda: len(codegen.looks) > 3)
        assert not resumed.done()
        codegen.runs[1] = run(1, "COMPLETE", "The second answer.")
        assert (await resumed).result == "The second answer."


async def test_unreadable_run_fails_waiters_in_all_processes(postgresql_url: str, codegen: Codegen) -> None:
    gone = UpstreamError(Service.CODEGEN, ErrorKind.NOT_FOUND, "run", 404)
    codegen.runs = {1: Unreadable(1, gone), 2: run(2, "COMPLETE")}
    async with process(postgresql_url, codegen, "a") as first, process(postgresql_url, codegen, "b") as second:
        for watcher in (first, second):
            with pytest.raises(UpstreamError, match="run failed, not-found"):
                await watcher.finished(1)
            assert (await watcher.finished(2)).succeeded


async def test_unauthorized_fails_waiters_in_all_processes(postgresql_url: str, codegen: Codegen) -> None:
    codegen.failure = UpstreamError(Service.CODEGEN, ErrorKind.UNAUTHORIZED, "runs_page", 401)
    async with process(postgresql_url, codegen, "a") as first, process(postgresql_url, codegen, "b") as second:
        waits = [first.finished(1), second.finished(2)]
        ended = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(error) for error in ended] == [UpstreamError] * 2


async def test_runs_of_dead_process_are_not_polled(postgresql_url: str, codegen: Codegen) -> None:
    codegen.runs = {1: run(1, "RUNNING"), 2: run(2, "RUNNING")}
    database = open_engine(postgresql_url)
    executors = Executors(database, lease=60)
    executors.register("gone", version="1")
    WatchedRuns(database, 1).watch("gone", [1], [])
    executors.stop("gone")
    assert executors.replace("gone", successor="a")
    executors.remove("gone", successor="a")
    assert watched(postgresql_url) == []
    async with process(postgresql_url, codegen, "a") as watcher:
        waiting = asyncio.create_task(watcher.finished(2))
        await soon(lambda: codegen.looks[-1:] == [("a", [2])])
        waiting.cancel()
    database.dispose()


def test_cleanup_deletes_states_of_unwatched_runs(postgresql_url: str) -> None:
    database = open_engine(postgresql_url)
    Executors(database, lease=60).register("a", version="1")
    watched = WatchedRuns(database, 1)
    watched.watch("a", [1, 2], [])
    watched.set_states({1: {"run": 1}, 2: {"run": 2}}, [])
    watched.watch("a", [], [2])
    watched.delete_unwatched()
    assert [(each.run_id, each.document) for each in watched.states("a", since=None, unread=[1, 2])] == [
        (1, {"run": 1})
    ]
    assert watched.watched()[0] == [1]
    database.dispose()


def test_cleanup_deletes_runs_of_replaced_process(postgresql_url: str) -> None:
    database = open_engine(postgresql_url)
    Executors(database, lease=60).register("a", version="1")
    watched = WatchedRuns(database, 1)
    watched.watch("a", [1], [])
    watched.watch("replaced", [2], [])
    assert watched.watched()[0] == [1, 2]
    watched.delete_unwatched()
    assert watched.watched()[0] == [1]
    database.dispose()
