"""Three workers of agents on one PostgreSQL are killed, frozen and cut off from it at random, while turns wait and run."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.agents.worker import GIVEN_UP
from bot.emulators.github.model import REPOSITORY
from bot.storage.agent_models import StoredRun
from bot.storage.tables import AGENT_RUNS, AGENT_TURNS
from tests.chaos import AGENT_TURNS as TURNS
from tests.chaos import SEEDS, STRIKES
from tests.harness import TIMEOUT
from tests.harness.agent_workers import WorkerProcess, Workers, agent_workers
from tests.harness.command_lines import command_lines, unique_number
from tests.harness.connections import Link

PEOPLE = ("alice", "bob", "carol")
PER_PERSON = 2
PER_REPOSITORY = 4
"""Less than three workers with two slots each could run."""

SECONDS = 120.0 + 15.0 * TURNS
"""For all turns, after the last strike, on a busy machine."""

pytestmark = pytest.mark.timeout(2 * SECONDS + 300)

LOOK_INTERVAL = 0.25

SLOT = f": slot-{unique_number()}-"
"""Begins the mark of a turn's shell."""

Strike = Callable[["Employed"], Awaitable[None]]


@pytest.mark.parametrize("seed", SEEDS[:2])
async def test_workers_under_random_faults_publish_each_turn_once(
    seed: int, postgresql_url: str, postgresql: Engine, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    async with agent_workers(postgresql_url, tmp_path) as workers, AsyncExitStack() as links:
        crew = Crew(workers, links, postgresql_url, postgresql, dice)
        try:
            await asyncio.gather(crew.employ("one"), crew.employ("one"), crew.employ("two"))
            async with limits_kept(postgresql):
                runs = [await workers.ask(*_steps(number, dice), person=dice.choice(PEOPLE)) for number in range(TURNS)]
                for _ in range(STRIKES):
                    await crew.strike()
                async with asyncio.timeout(SECONDS):
                    resumed = [run for run in runs if await _settled(workers, run)]
        except BaseException as error:
            error.add_note(f"CHAOS_SEED={seed}, strikes: {crew.struck}")
            raise
        await _each_once(workers, runs, resumed)


def _steps(number: int, dice: random.Random) -> Sequence[dict[str, Any]]:
    """An agent that changes a file of its own, works for a moment, and says what it remembers."""
    return (
        {"remember": f"word {number}"},
        {"edit": f"work/{number}.txt", "text": f"{number}\n"},
        {"run": f"sleep {dice.uniform(0.1, 1.5):.2f}; {SLOT}{number}-"},
        {"recall": True},
    )


async def _settled(workers: Workers, run_id: int) -> bool:
    """Waits for a run's end. One whose three workers were struck is resumed, as its result tells people.

    :returns: whether it was
    """
    is_resumed = False
    while (await _ended(workers, run_id)).result == GIVEN_UP:
        is_resumed = True
        await workers.resume(run_id, {"edit": "work/again.txt", "text": "Again.\n"})
    return is_resumed


async def _ended(workers: Workers, run_id: int) -> StoredRun:
    while not (run := await workers.run(run_id)).is_finished:  # noqa: ASYNC110 - it is in the database
        await asyncio.sleep(0.1)
    return run


async def _each_once(workers: Workers, run_ids: Sequence[int], resumed: Sequence[int]) -> None:
    runs = [await workers.run(run_id) for run_id in run_ids]
    assert [(run.id, run.result) for run in runs if run.status != "COMPLETE"] == []
    for number, run in enumerate(runs):
        assert [each.number for each in run.pull_requests] == workers.pull_requests(run.id)
        assert len(run.pull_requests) == 1
        branch = run.pull_requests[0].head_branch
        commits = await workers.github.git.run(REPOSITORY, "log", "--format=%s", "--name-only", f"main..{branch}")
        lines = commits.decode().splitlines()
        # A turn that was given up may have pushed nothing; what it has left is pushed with the work of the next one.
        least = 0 if run.id in resumed else 1
        for once in ("Change it.", f"work/{number}.txt"):
            assert least <= lines.count(once) <= 1, _story(workers, run.id, commits.decode())
    branches = [thread.branch or "" for thread in workers.github.world.threads.values()]
    assert sum(branch.startswith("codegen-bot/") for branch in branches) == len(runs)


def _story(workers: Workers, run_id: int, commits: str) -> str:
    """What the workers logged of a run."""
    return "\n".join([commits, *(line for line in workers.said if f" run={run_id} " in line)])


@asynccontextmanager
async def limits_kept(database: Engine) -> AsyncIterator[None]:
    """Looks again and again while the context lasts.

    :raises AssertionError: if more runs than may
    """
    watching = asyncio.create_task(_watch(database))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait((watching,))
    if not watching.cancelled():
        watching.result()


async def _watch(database: Engine) -> None:
    before = Counter[str]()
    while True:
        running = await asyncio.to_thread(_running, database)
        assert len(running) <= PER_REPOSITORY, running
        assert all(count <= PER_PERSON for count in Counter(running).values()), running
        slots = await asyncio.to_thread(_slots)
        # A process that is being killed is seen once more.
        twice = [slot for slot, count in slots.items() if count > 1 and before[slot] > 1]
        assert twice == [], "two agents work on the same turn"
        before = slots
        await asyncio.sleep(LOOK_INTERVAL)


def _running(database: Engine) -> list[str]:
    """The people whose turns are running."""
    turn = AGENT_TURNS.c
    query = sa.select(turn.person).join(AGENT_RUNS, AGENT_RUNS.c.id == turn.run_id).where(turn.state == "running")
    with database.begin() as connection:
        return [*connection.execute(query).scalars()]


def _slots() -> Counter[str]:
    """How many shells of agents there are for each turn, on all machines."""
    slot = re.compile(rf"{re.escape(SLOT)}(\d+)-")
    return Counter(found[1] for line in command_lines(SLOT) if (found := slot.search(line)))


class Employed:
    """A worker, the machine on which it runs, and its connection to the database."""

    def __init__(self, worker: WorkerProcess, machine: str, link: Link) -> None:
        self.worker = worker
        self.machine = machine
        self.link = link


class Crew:
    """Three workers, two of them on one machine; one that was killed has a successor.

    :param links: their context
    """

    def __init__(
        self, workers: Workers, links: AsyncExitStack, database_url: str, database: Engine, dice: random.Random
    ) -> None:
        self._workers = workers
        self._context = links
        self._database_url = database_url
        self._database = database
        self._dice = dice
        self._strikes = self._in_turn()
        self._employed: list[Employed] = []
        self.struck: list[str] = []

    async def employ(self, machine: str) -> None:
        link = await self._context.enter_async_context(Link(self._database_url).serving())
        worker = await self._workers.start(
            machine=machine,
            database_url=link.url,
            concurrency=2,
            concurrency_per_repository=PER_REPOSITORY,
            concurrency_per_person=PER_PERSON,
        )
        self._employed.append(Employed(worker, machine, link))

    async def strike(self) -> None:
        """The next one, at a worker that has something to do."""
        strike = next(self._strikes)
        async with asyncio.timeout(TIMEOUT):
            while not (busy := [each for each in self._employed if await self._held(each)]):
                if not await asyncio.to_thread(self._is_anything_left):
                    return
                await asyncio.sleep(0.05)
        self.struck.append(strike.__name__)
        await strike(self._dice.choice(busy))

    def _in_turn(self) -> Iterator[Strike]:
        """Each kind once, then at random."""
        yield from (self.kill, self.freeze, self.cut)
        while True:
            yield self._dice.choice([self.kill, self.freeze, self.cut])

    async def kill(self, employed: Employed) -> None:
        self._employed.remove(employed)
        await employed.worker.kill()
        await self.employ(employed.machine)

    async def freeze(self, employed: Employed) -> None:
        """Until others have its turns."""
        employed.worker.freeze()
        try:
            await self._relieved(employed)
        finally:
            employed.worker.thaw()

    async def cut(self, employed: Employed) -> None:
        employed.link.cut()
        try:
            await self._relieved(employed)
        finally:
            employed.link.heal()

    async def _relieved(self, employed: Employed) -> None:
        async with asyncio.timeout(TIMEOUT):
            while await self._held(employed):  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(0.1)

    async def _held(self, employed: Employed) -> int:
        """How many turns are a worker's."""
        turn = AGENT_TURNS.c
        return await asyncio.to_thread(self._count, turn.state == "running", turn.worker == employed.worker.name)

    def _is_anything_left(self) -> bool:
        return self._count(AGENT_TURNS.c.state != "ended") > 0

    def _count(self, *which: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(AGENT_TURNS).where(*which)
        with self._database.begin() as connection:
            return int(connection.execute(query).scalar_one())
