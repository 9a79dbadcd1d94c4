"""A few items run at once, in their order; one that waits or takes long gives up its slot."""

from __future__ import annotations

import asyncio

from bot.engine.concurrency import ConcurrencyLimiter


class Work:
    """Begins what it is given, and notes it."""

    def __init__(self, *, count: int = 2, longest: float = 60.0) -> None:
        self.begun: list[str] = []
        self._moved = asyncio.Event()
        self.limiter: ConcurrencyLimiter[str] = ConcurrencyLimiter(self._begin, count=count, longest=longest)

    async def _begin(self, name: str) -> None:
        self.begun.append(name)
        self._moved.set()

    def put(self, *names: str, owner: str = "") -> None:
        for name in names:
            self.limiter.put(name, name, owner=owner)

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(5):
            while self.begun != [*names]:
                self._moved.clear()
                await self._moved.wait()


async def test_put_starts_the_first_items_first() -> None:
    work = Work()
    work.put("a", "b", "c", "d")
    await work.until("a", "b")
    assert len(work.limiter) == 2
    work.limiter.leave("a")
    await work.until("a", "b", "c")
    work.limiter.leave("a")
    work.limiter.leave("unknown")
    await asyncio.sleep(0)
    assert work.begun == ["a", "b", "c"]
    await work.limiter.aclose()


async def test_item_that_takes_long_gives_up_its_slot() -> None:
    work = Work(count=1, longest=0.02)
    work.put("a", "b", "c")
    await work.until("a", "b", "c")
    await work.limiter.aclose()


async def test_aclose_drops_what_waits() -> None:
    work = Work(count=1)
    work.put("a", "b")
    await work.until("a")
    await work.limiter.aclose()
    work.limiter.leave("a")
    work.put("c")
    await asyncio.sleep(0)
    assert work.begun == ["a"]


async def test_put_lets_owners_take_turns() -> None:
    work = Work(count=1)
    work.put("m1", "m2", "m3", "m4", owner="mallory")
    work.put("b1", "b2", owner="bob")
    work.put("a1", owner="alice")
    assert len(work.limiter) == 6
    for done in ("m1", "m2", "b1", "a1", "m3", "b2"):
        work.limiter.leave(done)

    await work.until("m1", "m2", "b1", "a1", "m3", "b2", "m4")
    assert len(work.limiter) == 0
    await work.limiter.aclose()
