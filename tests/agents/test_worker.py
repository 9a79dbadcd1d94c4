"""The worker: taking, holding, cancelling, losing and handing over turns. The queue is real, the turns are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.agents.worker import CRASHED, GIVEN_UP, TurnControl, Worker
from bot.errors import StoreError
from bot.storage.agent_turns import AgentTurns, Heartbeat, TakenTurn, TurnEnd
from bot.storage.agents import CANCELLED_EARLY
from bot.storage.database import open_engine
from bot.tasks import running
from tests.harness import TIMEOUT
from tests.harness.clock import Clock
from tests.harness.databases import migrated_sqlite
from tests.storage.turn_queue import Queue

DONE = TurnEnd(status="COMPLETE", result="Done.")


class Turns:
    """Turns that run until the test ends them."""

    def __init__(self) -> None:
        self.begun: list[TakenTurn] = []
        self.controls: dict[int, TurnControl] = {}
        self.killed: list[int] = []
        self._ends: dict[int, asyncio.Future[TurnEnd]] = {}
        self._changed = asyncio.Condition()

    async def execute(self, turn: TakenTurn, control: TurnControl) -> TurnEnd:
        end: asyncio.Future[TurnEnd] = asyncio.get_running_loop().create_future()
        self._ends[turn.run_id] = end
        self.controls[turn.run_id] = control
        self.begun.append(turn)
        await self.tell()
        try:
            return await end
        except asyncio.CancelledError:
            self.killed.append(turn.run_id)
            await self.tell()
            raise

    def end(self, run_id: int, end: TurnEnd | Exception = DONE) -> None:
        if isinstance(end, Exception):
            self._ends[run_id].set_exception(end)
        else:
            self._ends[run_id].set_result(end)

    async def tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, predicate: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT), self._changed:
            await self._changed.wait_for(predicate)

    async def until_begun(self, count: int) -> None:
        await self.until(lambda: len(self.begun) >= count)


class SilentDatabase:
    """A queue whose heartbeats fail from the moment on that a test says so."""

    def __init__(self, turns: AgentTurns) -> None:
        self._turns = turns
        self.is_silent = False

    def beat(self, worker: str, **options: Any) -> Heartbeat:
        if self.is_silent:
            raise StoreError("the server closed the connection")
        return self._turns.beat(worker, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._turns, name)


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(open_engine(migrated_sqlite(tmp_path / "bot.sqlite")))


@asynccontextmanager
async def working(queue: Queue, turns: Turns, *, name: str = "w1", **options: Any) -> AsyncIterator[Worker]:
    """A worker that polls only once, unless it is woken; for it, a busy machine's pauses take no time."""
    given = {"concurrency": 2, "poll_interval": TIMEOUT, "period": 0.01, "clock": Clock(), **options}
    worker = Worker(given.pop("database", queue.turns), turns.execute, name=name, **given)
    async with running(worker.run()):
        yield worker


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not predicate():  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.005)


async def test_run_stores_the_end_of_a_turn(queue: Queue) -> None:
    run, turns = queue.add_run(), Turns()
    async with working(queue, turns):
        await turns.until_begun(1)
        turns.end(run)
        await until(lambda: queue.run(run).status == "COMPLETE")


async def test_wake_takes_a_new_turn_at_once(queue: Queue) -> None:
    turns = Turns()
    async with working(queue, turns) as worker:
        await asyncio.sleep(0)
        run = queue.add_run()
        worker.wake()
        await turns.until_begun(1)
        assert worker.running == 1
        turns.end(run)
        await until(lambda: worker.running == 0)


async def test_run_takes_as_many_turns_as_it_may(queue: Queue) -> None:
    first, second, third = (queue.add_run() for _ in range(3))
    turns = Turns()
    async with working(queue, turns):
        await turns.until_begun(2)
        assert [turn.run_id for turn in turns.begun] == [first, second]
        turns.end(first)
        await turns.until_begun(3)
        assert turns.begun[2].run_id == third


async def test_run_takes_the_next_turn_of_a_run_at_once(queue: Queue) -> None:
    run, turns = queue.add_run(), Turns()
    queue.add_turn(run)
    async with working(queue, turns):
        await turns.until_begun(1)
        turns.end(run)
        await turns.until_begun(2)
        assert turns.begun[1].number == 2


async def test_cancel_wanted_reaches_the_turn(queue: Queue) -> None:
    run, turns = queue.add_run(), Turns()
    async with working(queue, turns) as worker:
        await turns.until_begun(1)
        queue.cancel(run)
        worker.wake()
        async with asyncio.timeout(TIMEOUT):
            await turns.controls[run].cancel.wait()
        turns.end(run, TurnEnd(status="CANCELLED", result="Stopped."))
        await until(lambda: queue.run(run).status == "CANCELLED")


async def test_cancelled_turn_does_not_begin(queue: Queue) -> None:
    run, turns = queue.add_run(), Turns()
    queue.cancel(run)
    async with working(queue, turns):
        await until(lambda: queue.run(run).status == "CANCELLED")
    assert (queue.run(run).result, turns.begun) == (CANCELLED_EARLY, [])


async def test_end_of_a_turn_is_reported(queue: Queue) -> None:
    run, turns, ended = queue.add_run(), Turns(), list[tuple[int, str]]()
    async with working(queue, turns, on_end=lambda turn, end: ended.append((turn.run_id, end.status))):
        await turns.until_begun(1)
        turns.end(run, TurnEnd(status="COMPLETE", result="Done."))
        await until(lambda: bool(ended))
    assert ended == [(run, "COMPLETE")]


async def test_crash_ends_the_turn_with_a_sentence(queue: Queue) -> None:
    run, turns = queue.add_run(), Turns()
    async with working(queue, turns):
        await turns.until_begun(1)
        turns.end(run, ValueError("a bug"))
        await until(lambda: queue.run(run).status == "FAILED")
    assert queue.run(run).result == CRASHED


async def test_stop_hands_turns_over(queue: Queue) -> None:
    """The next worker may take the turn at once, and nobody vanished."""
    run, turns, others = queue.add_run(), Turns(), Turns()
    async with working(queue, turns):
        await turns.until_begun(1)
    assert turns.killed == [run]
    async with working(queue, others, name="w2"):
        await others.until_begun(1)
    assert others.begun[0].takeovers == 0


async def test_turn_of_another_worker_is_stopped(queue: Queue) -> None:
    """Frozen for longer than the lease, a worker loses its turns, and its agents are ended as soon as it notices."""
    run, turns, others = queue.add_run(), Turns(), Turns()
    async with working(queue, turns, period=TIMEOUT) as worker:
        await turns.until_begun(1)
        impatient = Queue(queue.engine, lease=-1.0)
        async with working(impatient, others, name="w2", period=TIMEOUT):
            await others.until_begun(1)
            worker.wake()
            await turns.until(lambda: turns.killed == [run])
            others.end(run)
            await until(lambda: queue.run(run).status == "COMPLETE")
    assert others.begun[0].takeovers == 1


async def test_check_refuses_a_lost_turn(queue: Queue) -> None:
    run, turns, clock = queue.add_run(), Turns(), Clock()
    async with working(queue, turns, clock=clock, period=TIMEOUT):
        await turns.until_begun(1)
        await turns.controls[run].check()
        Queue(queue.engine, lease=-1.0).claimed("w2")
        clock.advance(0.1)

        with pytest.raises(asyncio.CancelledError):
            await turns.controls[run].check()


async def test_silent_database_stops_turns(queue: Queue) -> None:
    """Before another worker can take them: nobody knows whether one has."""
    run, turns, clock = queue.add_run(), Turns(), Clock()
    database = SilentDatabase(queue.turns)
    async with working(queue, turns, database=database, clock=clock, lease=10.0):
        await turns.until_begun(1)
        database.is_silent = True
        clock.advance(7.9)
        assert turns.killed == []
        clock.advance(0.2)
        await turns.until(lambda: turns.killed == [run])


async def test_turn_is_given_up_after_three_tries(queue: Queue) -> None:
    run, turns = queue.add_run(), Turns()
    impatient = Queue(queue.engine, lease=-1.0)
    for name in ("w1", "w2", "w3"):
        impatient.claimed(name)
    async with working(impatient, turns, name="w4"):
        await until(lambda: queue.run(run).status == "FAILED")
    assert (queue.run(run).result, turns.begun) == (GIVEN_UP, [])


async def test_end_after_a_freeze_is_not_stored(queue: Queue) -> None:
    """Its agent was ended meanwhile, so it looks as if that had failed: another worker goes on."""
    run, turns, clock = queue.add_run(), Turns(), Clock()
    async with working(queue, turns, clock=clock, lease=10.0, period=TIMEOUT):
        await turns.until_begun(1)
        clock.advance(8.1)
        turns.end(run, TurnEnd(status="FAILED", result="The agent ended unexpectedly."))
        await asyncio.sleep(0)
    assert queue.run(run).status == "ACTIVE"


async def test_drain_lets_turns_end(queue: Queue) -> None:
    run, other, turns = queue.add_run(), queue.add_run(), Turns()
    async with working(queue, turns, concurrency=1) as worker:
        await turns.until_begun(1)
        worker.drain(TIMEOUT)
        turns.end(run)
        await until(lambda: queue.run(run).status == "COMPLETE")
        worker.wake()
    assert [turn.run_id for turn in turns.begun] == [run]
    assert queue.run(other).status == "PENDING"


async def test_drain_hands_over_what_does_not_end(queue: Queue) -> None:
    run, turns, others = queue.add_run(), Turns(), Turns()
    async with working(queue, turns) as worker:
        await turns.until_begun(1)
        worker.drain(0.01)
        await turns.until(lambda: turns.killed == [run])
        async with working(queue, others, name="w2", poll_interval=0.01):
            await others.until_begun(1)
    assert others.begun[0].takeovers == 0


async def test_session_is_stored_while_the_turn_runs(queue: Queue) -> None:
    run, turns = queue.add_run(), Turns()
    async with working(queue, turns):
        await turns.until_begun(1)
        await turns.controls[run].note_session("session-7")
        await turns.controls[run].note_branch("codegen-bot/fix-1")
    taken = queue.turns.claim("w2")
    assert taken is not None
    assert (taken.session_id, taken.branch) == ("session-7", "codegen-bot/fix-1")


async def test_end_is_stored_after_an_outage(queue: Queue) -> None:
    """The database comes back, and with it the result: nothing is lost, nothing is done twice."""
    run, turns = queue.add_run(), Turns()
    failures = [StoreError("disk I/O error")]

    class Failing(SilentDatabase):
        def finish(self, turn: TakenTurn, end: TurnEnd, **options: Any) -> bool:
            if failures:
                raise failures.pop()
            return self._turns.finish(turn, end, **options)

    def sleep(_: float) -> Awaitable[None]:
        return asyncio.sleep(0)

    async with working(queue, turns, database=Failing(queue.turns), sleep=sleep):
        await turns.until_begun(1)
        turns.end(run)
        await until(lambda: queue.run(run).status == "COMPLETE")


async def test_turn_given_up_in_an_outage_is_taken_again(queue: Queue) -> None:
    """Also by the same worker, where there is no other: on SQLite."""
    run, turns, clock = queue.add_run(), Turns(), Clock()
    database = SilentDatabase(AgentTurns(queue.engine, lease=0.2))
    async with working(queue, turns, database=database, clock=clock, poll_interval=0.01):
        await turns.until_begun(1)
        database.is_silent = True
        clock.advance(10.0)
        await turns.until(lambda: turns.killed == [run])
        database.is_silent = False
        await turns.until_begun(2)
        turns.end(run)
        await until(lambda: queue.run(run).status == "COMPLETE")
    assert turns.begun[1].takeovers == 1
