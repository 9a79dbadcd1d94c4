"""Whatever holds the event loop is noted while it does, and taken back when it has let go."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import thread as futures

import pytest
from sqlalchemy.engine import Engine as Database

from bot.engine import loop_watch
from bot.engine.loop_watch import LoopWatch, current_command
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies.markers import Stage
from bot.replies.reply import Reply
from bot.store.jobs import JobStore
from tests.engine.world import World, an_invocation
from tests.log_lines import lines, logged

pytest_plugins = ["tests.databases"]

IDENTITY = an_invocation().identity


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def cut_off(world: World, *, loop_holds: int) -> None:
    """A life of the bot in which the job was begun, and so many that it ended by holding the loop."""
    world.github.open.clear()
    async with world.engine() as engine:
        await engine.submit(an_invocation())
        await world.until(lambda: world.github.asked != [])
    world.github.open.set()
    for _ in range(loop_holds):
        JobStore(world.database).hold_loop(IDENTITY)


class TestLoopWatch:
    """The same on SQLite and on PostgreSQL."""

    async def test_a_loop_that_is_held_and_let_go_again(self, world: World) -> None:
        """It is noted from within, as nothing else runs meanwhile; also for a task that the command has started."""
        jobs = JobStore(world.database)
        noted = asyncio.Event()

        async def hold() -> None:
            while jobs.loop_holds(IDENTITY) == 0:
                time.sleep(0.001)  # noqa: ASYNC251 - to hold the loop is what it is for
            noted.set()

        async def holds(_invocation: CommandInvocation, _do: CommandContext) -> Reply:
            await asyncio.create_task(hold())
            return Reply(stage=Stage.FINISHED, text="Done.")

        world.execute, world.loop_held = holds, 0.2
        with logged() as log:
            async with world.engine() as engine:
                await engine.submit(an_invocation())
                await world.until(lambda: world.ended != [])
                assert noted.is_set()
                async with asyncio.timeout(20):
                    while jobs.loop_holds(IDENTITY) > 0:  # noqa: ASYNC110 - the database tells nobody
                        await asyncio.sleep(0.01)
        assert world.ended == [(IDENTITY, Stage.FINISHED)]
        held = [line for line in lines(log) if line["event"] == "event_loop.blocked" and line["invocation"] == IDENTITY]
        assert held[0]["where"].startswith(("bot.", "tests."))

    @pytest.mark.parametrize("times", [2, 3, 5])
    async def test_a_command_that_ended_processes_before(self, world: World, times: int) -> None:
        await cut_off(world, loop_holds=times)
        async with world.engine():
            await world.until(lambda: world.ended != [])
        if times == 2:
            assert (world.given_up, world.ended) == ([], [(IDENTITY, Stage.FINISHED)])
        else:
            assert (world.given_up, world.ended) == ([(IDENTITY, times)], [(IDENTITY, Stage.FAILED)])

    async def test_a_command_whose_giving_up_ends_processes_too(self, world: World) -> None:
        """It ends without an answer, and may be given again."""
        await cut_off(world, loop_holds=6)
        async with world.engine() as engine:
            await world.until(lambda: world.ended != [])
            await world.until_written(IDENTITY, "ERROR")
            assert (world.given_up, world.ended) == ([], [(IDENTITY, None)])
            assert await engine.submit(an_invocation())
            await world.until(lambda: len(world.ended) == 2)
        assert world.ended[1:] == [(IDENTITY, Stage.FINISHED)]
        assert JobStore(world.database).loop_holds(IDENTITY) == 0


async def test_a_note_that_needs_what_the_interrupted_code_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the log's lock: the alarm gives up waiting, and the code goes on."""
    monkeypatch.setattr(loop_watch, "WRITING", 0.5)
    lock, noted = threading.Lock(), threading.Event()

    def note(_invocation: str) -> None:
        with lock:
            noted.set()

    def stuck() -> None:
        raise AssertionError("alarms wait within alarms")

    watch = LoopWatch(note=note, clear=lambda _invocation: None, stuck=stuck, seconds=0.1)
    token = current_command.set(IDENTITY)
    watch.start()
    try:
        with lock:
            while watch._alarms == 0:  # noqa: SLF001 - nobody is told of an alarm
                time.sleep(0.001)  # noqa: ASYNC251 - to hold the loop is what it is for
        await asyncio.to_thread(noted.wait, 20)
        assert noted.is_set()
    finally:
        await watch.aclose()
        current_command.reset(token)


async def test_an_alarm_while_work_is_given_to_a_thread() -> None:
    """All thread pools of a process share a lock; the alarm may interrupt the code that holds it."""
    noted = threading.Event()
    watch = LoopWatch(
        note=lambda _invocation: noted.set(), clear=lambda _invocation: None, stuck=lambda: None, seconds=0.1
    )
    token = current_command.set(IDENTITY)
    lock = futures._global_shutdown_lock  # noqa: SLF001 - the point of the test
    watch.start()
    lock.acquire()
    # An alarm that waits for the lock is let go, so that this fails and does not hang.
    letting_go = threading.Timer(30, lock.release)
    letting_go.start()
    try:
        while not noted.is_set():
            time.sleep(0.001)  # noqa: ASYNC251 - to hold the loop is what it is for
        letting_go.cancel()
        assert lock.locked()
    finally:
        if lock.locked():
            lock.release()
        await watch.aclose()
        current_command.reset(token)
