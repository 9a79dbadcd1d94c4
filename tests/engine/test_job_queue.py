"""A job is stored before its caller is answered, many in one write; a failed write is reported."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from bot.engine.job_queue import JobQueue
from bot.errors import StoreError
from bot.storage.jobs import JobState, JobStore, QueuedJob
from tests.harness.log_lines import lines, logged


class SlowStore(JobStore):
    """The table of jobs, whose writes can be held up.

    :ivar batches: the number of jobs in each write
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[int] = []
        self.failure: Exception | None = None

    def take(self, jobs: Any, **more: Any) -> set[str]:
        self.batches.append(len(jobs))
        assert self.gate.wait(10)
        if self.failure is not None:
            raise self.failure
        return super().take(jobs, **more)


class QueueHarness:
    """A queue with a worker, and the jobs that it was handed."""

    def __init__(self, jobs: JobStore) -> None:
        self.handed_out: list[str] = []
        self.queue = JobQueue(jobs, executor="me", slots=100)
        self.queue.start()
        self._worker = asyncio.create_task(self._work())

    def submit(self, identity: str) -> asyncio.Task[bool]:
        return asyncio.create_task(self.queue.submit(QueuedJob(identity, {"for": identity})))

    async def aclose(self) -> None:
        self._worker.cancel()
        await self.queue.aclose()

    async def _work(self) -> None:
        while True:
            self.handed_out.append((await self.queue.next()).job.identity)


async def test_submit_during_a_write_waits_for_the_next_one(database: Engine) -> None:
    jobs = SlowStore(database)
    harness = QueueHarness(jobs)
    jobs.gate.clear()
    first = harness.submit("first")
    while not jobs.batches:  # noqa: ASYNC110 - it is another thread that writes
        await asyncio.sleep(0.001)
    rest = [harness.submit(f"job-{number}") for number in range(50)]
    await asyncio.sleep(0)
    jobs.gate.set()
    assert await first
    assert all(await asyncio.gather(*rest))
    assert jobs.batches == [1, 50]
    assert harness.handed_out == ["first", *(f"job-{number}" for number in range(50))]
    await harness.aclose()


async def test_submit_of_the_same_job_hands_it_on_once(database: Engine) -> None:
    harness = QueueHarness(JobStore(database))
    first, second = await asyncio.gather(harness.submit("a"), harness.submit("a"))
    assert (first, second) == (True, False)
    assert not await harness.submit("a")
    assert harness.handed_out == ["a"]
    await harness.aclose()


async def test_submit_that_is_cancelled_stores_the_job(database: Engine) -> None:
    jobs = SlowStore(database)
    harness = QueueHarness(jobs)
    jobs.gate.clear()
    impatient = harness.submit("a")
    await asyncio.sleep(0)
    impatient.cancel()
    jobs.gate.set()
    assert not await harness.submit("a")
    assert harness.handed_out == ["a"]
    await harness.aclose()


async def test_submit_refused_by_the_database_can_be_repeated(database: Engine) -> None:
    jobs = SlowStore(database)
    harness = QueueHarness(jobs)
    jobs.failure = OperationalError("INSERT INTO secret_table", {"document": "hunter2"}, Exception("disk is full"))
    with logged() as log:
        for failed in await asyncio.gather(harness.submit("a"), harness.submit("b"), return_exceptions=True):
            assert isinstance(failed, StoreError)
            assert str(failed) == "disk is full"
    assert [line["event"] for line in lines(log)] == ["job_queue.write_failed"]
    assert "hunter2" not in log.getvalue()
    jobs.failure = None
    assert await harness.submit("a")
    assert harness.handed_out == ["a"]
    await harness.aclose()


async def test_start_is_recorded_at_the_latest_when_it_closes(database: Engine) -> None:
    jobs = JobStore(database)
    harness = QueueHarness(jobs)
    await harness.submit("a")
    await harness.submit("b")
    harness.queue.mark_started("a")
    await harness.aclose()
    assert jobs.find("a") == (JobState.STARTED, None)
    assert jobs.find("b") == (JobState.WAITING, None)


async def test_submit_after_close_is_refused(database: Engine) -> None:
    harness = QueueHarness(JobStore(database))
    await harness.aclose()
    with pytest.raises(StoreError, match="being stopped"):
        await harness.submit("a")
