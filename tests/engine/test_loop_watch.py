"""Whatever holds the event loop is noted while it does, and taken back when it has let go."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import thread as futures

import pytest
from sqlalchemy.engine import Engine as Database

from bot.engine.loop_watch import LoopWatch, current_command
from bot.execution.context import CommandContext
from bot.execution.reply import Reply
from bot.storage.jobs import JobStore
from bot.text.markers import Stage
from tests.engine.world import World, an_invocation
from tests.harness import TIMEOUT
from tests.harness.log_lines import lines, logged

IDENTITY = an_invocation().identity


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def cut_off(world: World, *, loop_blocks: int) -> None:
    """A life of the bot in which the job was begun, and so many that it ended by holding the loop."""
    world.github.open.clear()
    async with world.engine() as engine:
        await engine.submit(an_invocation())
        await world.until(lambda: world.github.asked != [])
    world.github.open.set()
    for _ in range(loop_blocks):
        JobStore(world.database).add_loop_block(IDENTITY)


class TestLoopWatch:
    """The same on SQLite and on PostgreSQL."""

    async def test_held_loop_is_recorded_and_cleared(self, world: World) -> None:
        """It is noted from within, as nothing else runs meanwhile; also for a task that the command has started."""
        jobs = JobStore(world.database)
        noted = asyncio.Event()

        async def hold() -> None:
            while jobs.loop_blocks(IDENTITY) == 0:
                time.sleep(0.001)  # noqa: ASYNC251 - to hold the loop is what it is for
            noted.set()

        async def holds(_ctx: CommandContext) -> Reply:
            await asyncio.create_task(hold())
            return Reply(stage=Stage.FINISHED, text="Done.")

        world.execute, world.loop_blocked = holds, 0.2
        with logged() as log:
            async with world.engine() as engine:
                await engine.submit(an_invocation())
                await world.until(lambda: world.ended != [])
                assert noted.is_set()
                async with asyncio.timeout(TIMEOUT):
                    while jobs.loop_blocks(IDENTITY) > 0:  # noqa: ASYNC110 - the database tells nobody
                        await asyncio.sleep(0.01)
        assert world.ended == [(IDENTITY, Stage.FINISHED)]
        held = [line for line in lines(log) if line["event"] == "event_loop.blocked" and line["invocation"] == IDENTITY]
        assert held[0]["where"].startswith(("bot.", "tests."))

    @pytest.mark.parametrize("times", [2, 3, 5])
    async def test_command_that_ended_processes_before(self, world: World, times: int) -> None:
        await cut_off(world, loop_blocks=times)
        async with world.engine():
            await world.until(lambda: world.ended != [])
        if times == 2:
            assert (world.given_up, world.ended) == ([], [(IDENTITY, Stage.FINISHED)])
        else:
            assert (world.given_up, world.ended) == ([(IDENTITY, times)], [(IDENTITY, Stage.FAILED)])

    async def test_command_whose_giving_up_ends_processes_too(self, world: World) -> None:
        """It ends without an answer, and may be given again."""
        await cut_off(world, loop_blocks=6)
        async with world.engine() as engine:
            await world.until(lambda: world.ended != [])
            await world.until_written(IDENTITY, "ERROR")
            assert (world.given_up, world.ended) == ([], [(IDENTITY, None)])
            assert await engine.submit(an_invocation())
            await world.until(lambda: len(world.ended) == 2)
        assert world.ended[1:] == [(IDENTITY, Stage.FINISHED)]
        assert JobStore(world.database).loop_blocks(IDENTITY) == 0


class Records(JobStore):
    """No database, but a lock that a record needs."""

    def __init__(self) -> None:
        self.lock, self.recorded = threading.Lock(), threading.Event()

    def add_loop_block(self, identity: str) -> None:
        with self.lock:
            self.recorded.set()

    def remove_loop_block(self, identity: str) -> None:
        pass


async def test_record_that_needs_what_the_interrupted_code_holds() -> None:
    """As the log's lock: the alarm gives up waiting, and the code goes on."""
    records = Records()

    def stuck() -> None:
        raise AssertionError("alarms wait within alarms")

    watch = LoopWatch(records, on_stuck=stuck, seconds=0.1)
    token = current_command.set(IDENTITY)
    watch.start()
    try:
        with records.lock:
            while watch._alarms == 0:  # noqa: SLF001 - nobody is told of an alarm
                time.sleep(0.001)  # noqa: ASYNC251 - to hold the loop is what it is for
        await asyncio.to_thread(records.recorded.wait, 20)
        assert records.recorded.is_set()
    finally:
        await watch.aclose()
        current_command.reset(token)


async def test_alarm_while_work_is_given_to_a_thread() -> None:
    """All thread pools of a process share a lock; the alarm may interrupt the code that holds it."""
    records = Records()
    watch = LoopWatch(records, on_stuck=lambda: None, seconds=0.1)
    token = current_command.set(IDENTITY)
    lock = futures._global_shutdown_lock  # noqa: SLF001 - the point of the test
    watch.start()
    lock.acquire()
    # An alarm that waits for the lock is let go, so that this fails and does not hang.
    letting_go = threading.Timer(30, lock.release)
    letting_go.start()
    try:
        while not records.recorded.is_set():
            time.sleep(0.001)  # noqa: ASYNC251 - to hold the loop is what it is for
        letting_go.cancel()
        assert lock.locked()
    finally:
        if lock.locked():
            lock.release()
        await watch.aclose()
        current_command.reset(token)
