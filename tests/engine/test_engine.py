"""An accepted job is executed, once, whatever happens in between."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.engine import Engine as Database

from bot.commands.list_runs import ListRuns
from bot.engine.retention import delete_old
from bot.errors import BotError, ErrorKind, Service, StoreError, UpstreamError, UserError
from bot.execution.context import CommandContext
from bot.execution.reply import Reply
from bot.storage.jobs import JobState, JobStore, Queue
from bot.text.markers import Stage
from tests.engine.world import World, an_invocation
from tests.harness.log_lines import lines, logged

PERMISSION = "permission of alice"
PULL = "pull request 1"


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


class UnwritableError(Exception):
    """Neither pickle nor JSON can bring it back."""

    def __init__(self, _needed: object, *, also: object) -> None:
        super().__init__("no way back")


class TestEngine:
    """The same on SQLite and on PostgreSQL."""

    async def test_submit_executes_a_job_once_as_it_was_given(self, world: World) -> None:
        async with world.engine() as engine:
            assert await engine.submit(an_invocation())
            await world.until(lambda: world.ended != [])
        assert world.begun == [an_invocation()]
        assert world.ended == [(an_invocation().identity, Stage.FINISHED)]

    async def test_submit_keeps_characters_that_databases_treat_specially(self, world: World) -> None:
        invocation = an_invocation(title="\x00 \\u0000 ' \" \U0001f600 \u202e %s {}")
        async with world.engine() as engine:
            await engine.submit(invocation)
            await world.until(lambda: world.ended != [])
        assert world.begun == [invocation]

    async def test_submit_of_the_same_job_executes_it_once(self, world: World) -> None:
        async with world.engine() as engine:
            assert sorted(await asyncio.gather(engine.submit(an_invocation()), engine.submit(an_invocation()))) == [
                False,
                True,
            ]
            await world.until(lambda: world.ended != [])
            assert not await engine.submit(an_invocation())
            await engine.submit(an_invocation("another"))
            await world.until(lambda: len(world.ended) == 2)
        assert [invocation.identity for invocation in world.begun] == [an_invocation().identity, "another"]

    async def test_submit_of_the_same_job_after_a_restart_is_ignored(self, world: World) -> None:
        async with world.engine() as engine:
            await engine.submit(an_invocation())
            await world.until(lambda: world.ended != [])
        async with world.engine() as engine:
            await engine.submit(an_invocation())
            await engine.submit(an_invocation("another"))
            await world.until(lambda: len(world.ended) == 2)
        assert [invocation.identity for invocation in world.begun] == [an_invocation().identity, "another"]

    async def test_submit_of_a_duplicate_waits_until_the_first_is_stored(self, world: World) -> None:
        """Whoever sent the first may have gone by then: what was begun to be written is finished."""
        async with world.engine() as engine:
            first = asyncio.create_task(engine.submit(an_invocation()))
            second = asyncio.create_task(engine.submit(an_invocation()))
            await asyncio.sleep(0)
            first.cancel()
            assert not await second
            assert not await engine.submit(an_invocation())
            await world.until(lambda: world.ended != [])
        assert len(world.begun) == 1

    async def test_no_job_waits_for_another(self, world: World) -> None:
        """On SQLite too, where few threads do the writing."""
        world.github.open.clear()
        async with world.engine() as engine:
            for number in range(20):
                await engine.submit(an_invocation(f"job-{number}"))
            await world.until(lambda: world.github.asked.count(PULL) == 20)
            world.github.open.set()
            await world.until(lambda: len(world.ended) == 20)

    async def test_interrupted_job_resumes_after_its_last_finished_step(self, world: World) -> None:
        """The step in flight is run again, as often as it is cut off: whether it was done is for the step to find out."""
        world.github.open.clear()
        with logged() as log:
            async with world.engine() as engine:
                await engine.submit(an_invocation())
                await world.until(lambda: PULL in world.github.asked)
            async with world.engine():
                await world.until(lambda: world.github.asked.count(PULL) == 2)
            assert world.ended == []

            world.github.open.set()
            async with world.engine():
                await world.until(lambda: world.ended != [])
        assert world.github.asked == [PERMISSION, PULL, PULL, PULL]
        assert world.begun == 3 * [an_invocation()]
        events = [line["event"] for line in lines(log) if line["event"].startswith("command.")]
        assert events == ["command.started", "command.resumed", "command.resumed"]

    async def test_interrupted_job_that_only_shows_starts_again(self, world: World) -> None:
        """Nothing of it is written down, as there is nothing to do twice."""
        world.github.open.clear()
        async with world.engine() as engine:
            await engine.submit(an_invocation(command=ListRuns()))
            await world.until(lambda: PULL in world.github.asked)
        world.github.open.set()
        async with world.engine():
            await world.until(lambda: world.ended != [])
        assert world.github.asked == [PERMISSION, PULL, PERMISSION, PULL]

    async def test_interrupted_job_that_is_submitted_again_is_one_job(self, world: World) -> None:
        """GitHub may redeliver before the bot has come back to it. It must not be taken for a new one: what it sent
        before would not be looked for."""
        world.github.open.clear()
        with logged() as log:
            async with world.engine() as engine:
                await engine.submit(an_invocation())
                await world.until(lambda: PULL in world.github.asked)
            world.github.open.set()
            async with world.engine() as engine:
                await engine.submit(an_invocation())
                await world.until(lambda: world.ended != [])
        assert len(world.begun) == 2
        events = [line["event"] for line in lines(log)]
        assert [event for event in events if event.startswith("command.")] == ["command.started", "command.resumed"]

    async def test_error_of_a_step_survives_a_restart_with_its_data(self, world: World) -> None:
        """What is not of our classes, as the errors of many libraries, becomes one of ours that can be written down."""
        slow_down = UpstreamError(
            Service.GITHUB, ErrorKind.RATE_LIMITED, "permission", 429, "Slow down.", 7.5, may_have_happened=True
        )
        cut_off = UpstreamError(Service.CODEGEN, ErrorKind.NETWORK, "permission")
        mistake = UserError("There is no run 7.")
        world.github.failures = {
            "slow": slow_down,
            "cut": cut_off,
            "wrong": mistake,
            "broken": UnwritableError(1, also=2),
        }
        world.github.open.clear()
        with logged() as log:
            async with world.engine() as engine:
                for login in world.github.failures:
                    await engine.submit(an_invocation(f"job-{login}", login=login))
                await world.until(lambda: world.github.asked.count(PULL) == 4)
            world.github.failures = {}
            world.github.open.set()
            async with world.engine():
                await world.until(lambda: len(world.ended) == 4)

        assert sum(question.startswith("permission") for question in world.github.asked) == 4
        ours = BotError("UnwritableError in permission")
        for login, error in {"slow": slow_down, "cut": cut_off, "wrong": mistake, "broken": ours}.items():
            told = [(type(one), one.args, vars(one)) for one in world.caught[login]]
            assert told == 2 * [(type(error), error.args, vars(error))]
        assert [line["event"] for line in lines(log)].count("step.failed") == 1

    async def test_workflow_that_fails_stops_no_other(self, world: World) -> None:
        async def fails_once(ctx: CommandContext) -> Reply:
            if ctx.invocation.identity == "fails":
                raise UpstreamError(Service.GITHUB, ErrorKind.FORBIDDEN, "comment", 403, "This conversation is locked.")
            return await world.two_steps(ctx)

        world.execute = fails_once
        async with world.engine() as engine:
            await engine.submit(an_invocation("fails"))
            await engine.submit(an_invocation("works"))
            await world.until(lambda: len(world.ended) == 2)
        async with world.engine() as engine:
            await engine.submit(an_invocation("works too"))
            await world.until(lambda: len(world.ended) == 3)
        finished = Stage.FINISHED
        assert sorted(world.ended) == [("fails", None), ("works", finished), ("works too", finished)]

    async def test_stop_gives_the_loop_a_thread_pool_again(self, world: World) -> None:
        """DBOS puts its own thread pool in the loop's place, and closes it."""
        async with world.engine():
            pass
        assert await asyncio.to_thread(lambda: "done") == "done"

    async def test_submit_requeues_a_job_that_failed_without_a_reply(self, world: World) -> None:
        """A redelivery is somebody's wish to have it done after all; one that is done is not told again."""
        attempts: list[bool] = []

        async def fails_once(ctx: CommandContext) -> Reply:
            attempts.append(True)
            if len(attempts) == 1:
                raise UpstreamError(Service.GITHUB, ErrorKind.FORBIDDEN, "comment", 403, "This conversation is locked.")
            return await world.two_steps(ctx)

        world.execute = fails_once
        with logged() as log:
            async with world.engine() as engine:
                await engine.submit(an_invocation())
                await world.until(lambda: len(world.ended) == 1)
                await world.until_written(an_invocation().identity, "ERROR")
                assert await engine.submit(an_invocation())
                await world.until(lambda: len(world.ended) == 2)
                assert not await engine.submit(an_invocation())
        assert world.ended == [(an_invocation().identity, None), (an_invocation().identity, Stage.FINISHED)]
        events = [line["event"] for line in lines(log)]
        assert [event for event in events if event.startswith(("command.", "job."))] == [
            "command.started",
            "command.unanswered",
            "job.requeued",
            "command.resumed",
        ]

    async def test_ended_job_is_deleted_and_still_known(self, world: World) -> None:
        async with world.engine() as engine:
            await engine.submit(an_invocation())
            await world.until(lambda: world.ended != [])
            await world.until_written(an_invocation().identity, "SUCCESS")
            assert await delete_old(JobStore(world.database)) == 1
            assert world.rows_of_dbos() == 0
            assert JobStore(world.database).find(an_invocation().identity) == (JobState.ENDED, "finished")
            assert not await engine.submit(an_invocation())
        assert len(world.begun) == 1

    async def test_submit_requeues_a_failed_job_that_was_deleted(self, world: World) -> None:
        locked = True

        async def fails_while_locked(ctx: CommandContext) -> Reply:
            if locked:
                raise UpstreamError(Service.GITHUB, ErrorKind.FORBIDDEN, "comment", 403, "This conversation is locked.")
            return await world.two_steps(ctx)

        world.execute = fails_while_locked
        async with world.engine() as engine:
            await engine.submit(an_invocation())
            await world.until(lambda: world.ended != [])
            await world.until_written(an_invocation().identity, "ERROR")
            await delete_old(JobStore(world.database))
            locked = False
            assert await engine.submit(an_invocation())
            await world.until(lambda: len(world.ended) == 2)
        assert len(world.begun) == 1

    async def test_check_and_queue_say_whether_jobs_are_accepted(self, world: World) -> None:
        async with world.engine() as engine:
            assert await engine.queue() == Queue(0, None)
            await engine.check()
        with pytest.raises(StoreError):
            await engine.check()

    async def test_stop_lets_running_work_finish_within_the_drain(self, world: World) -> None:
        world.github.open.clear()
        world.drain = 10.0
        async with world.engine() as engine:
            await engine.submit(an_invocation())
            await world.until(lambda: PULL in world.github.asked)
            asyncio.get_running_loop().call_later(0.05, world.github.open.set)
        assert world.ended == [(an_invocation().identity, Stage.FINISHED)]
