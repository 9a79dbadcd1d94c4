from __future__ import annotations

import asyncio

from bot.tasks import cancel_and_wait, running


async def test_cancel_and_wait_returns_after_the_cleanup() -> None:
    ended: list[str] = []
    started = asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("work")

    async def fail() -> None:
        raise ValueError

    tasks = [asyncio.create_task(work()), asyncio.create_task(fail())]
    await started.wait()

    await cancel_and_wait(*tasks)

    assert ended == ["work"]
    assert all(task.done() for task in tasks)


async def test_running_ends_with_its_context() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with running(work()):
        await started.wait()
        assert not ended.is_set()

    assert ended.is_set()
