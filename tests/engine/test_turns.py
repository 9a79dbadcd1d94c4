"""A few jobs run at once, in their order; one that waits or takes long gives up its slot."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.engine.job_queue import JobQueue, WaitingJob
from bot.storage.jobs import QueuedJob
from tests.harness import TIMEOUT

NO_STORE: Any = None


class Worker:
    """Takes jobs from a queue, and notes them."""

    def __init__(self, *, slots: int = 2, slot_timeout: float = 60.0) -> None:
        self.started: list[str] = []
        self._has_moved = asyncio.Event()
        self.queue = JobQueue(NO_STORE, executor="me", slots=slots, slot_timeout=slot_timeout)
        self.task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while True:
            waiting = await self.queue.next()
            self.started.append(waiting.job.identity)
            self._has_moved.set()

    def put(self, *names: str, owner: str = "") -> None:
        for name in names:
            self.queue.put(WaitingJob(QueuedJob(name, {"person": {"login": owner}}), is_new=True))

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(TIMEOUT):
            while self.started != [*names]:
                self._has_moved.clear()
                await self._has_moved.wait()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.queue.aclose()


async def test_next_takes_the_first_jobs_first() -> None:
    worker = Worker()
    worker.put("a", "b", "c", "d")
    await worker.until("a", "b")
    worker.queue.release("a")
    await worker.until("a", "b", "c")
    worker.queue.release("a")
    worker.queue.release("unknown")
    await asyncio.sleep(0)
    assert worker.started == ["a", "b", "c"]
    await worker.stop()


async def test_job_that_takes_long_gives_up_its_slot() -> None:
    worker = Worker(slots=1, slot_timeout=0.02)
    worker.put("a", "b", "c")
    await worker.until("a", "b", "c")
    await worker.stop()


async def test_job_that_is_handed_out_twice_has_one_slot() -> None:
    worker = Worker(slots=2)
    worker.put("a", "a", "b", "c")
    await worker.until("a", "a", "b")
    worker.queue.release("a")
    await worker.until("a", "a", "b", "c")
    await worker.stop()


async def test_worker_that_is_stopped_leaves_what_waits() -> None:
    worker = Worker(slots=1)
    worker.put("a", "b")
    await worker.until("a")
    await worker.stop()
    worker.queue.release("a")
    worker.put("c")
    await asyncio.sleep(0)
    assert worker.started == ["a"]


async def test_next_lets_owners_take_turns() -> None:
    worker = Worker(slots=1)
    worker.put("m1", "m2", "m3", "m4", owner="mallory")
    worker.put("b1", "b2", owner="Bob")
    worker.put("a1", owner="alice")
    expected = ["m1", "b1", "a1", "m2", "b2", "m3", "m4"]
    for number in range(len(expected)):
        await worker.until(*expected[: number + 1])
        worker.queue.release(expected[number])
    await worker.stop()
