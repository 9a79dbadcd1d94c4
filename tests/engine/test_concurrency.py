"""A few stories are at work at once, in their order; who waits for others makes room."""

from __future__ import annotations

import asyncio

from bot.engine.concurrency import ConcurrencyLimiter


class Stories:
    """Begins what it is given, and notes it."""

    def __init__(self, *, count: int = 2, longest: float = 60.0) -> None:
        self.begun: list[str] = []
        self._moved = asyncio.Event()
        self.places: ConcurrencyLimiter[str] = ConcurrencyLimiter(self._begin, count=count, longest=longest)

    async def _begin(self, name: str) -> None:
        self.begun.append(name)
        self._moved.set()

    def put(self, *names: str, owner: str = "") -> None:
        for name in names:
            self.places.put(name, name, owner=owner)

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(5):
            while self.begun != [*names]:
                self._moved.clear()
                await self._moved.wait()


async def test_who_comes_first_begins_first_and_the_others_wait() -> None:
    stories = Stories()
    stories.put("a", "b", "c", "d")
    await stories.until("a", "b")
    assert len(stories.places) == 2
    stories.places.leave("a")
    await stories.until("a", "b", "c")
    stories.places.leave("a")
    stories.places.leave("unknown")
    await asyncio.sleep(0)
    assert stories.begun == ["a", "b", "c"]
    await stories.places.aclose()


async def test_who_takes_long_makes_room() -> None:
    stories = Stories(count=1, longest=0.02)
    stories.put("a", "b", "c")
    await stories.until("a", "b", "c")
    await stories.places.aclose()


async def test_what_waits_when_it_closes_is_not_begun() -> None:
    stories = Stories(count=1)
    stories.put("a", "b")
    await stories.until("a")
    await stories.places.aclose()
    stories.places.leave("a")
    stories.put("c")
    await asyncio.sleep(0)
    assert stories.begun == ["a"]


async def test_put_lets_owners_take_turns() -> None:
    stories = Stories(count=1)
    stories.put("m1", "m2", "m3", "m4", owner="mallory")
    stories.put("b1", "b2", owner="bob")
    stories.put("a1", owner="alice")
    assert len(stories.places) == 6
    for done in ("m1", "m2", "b1", "a1", "m3", "b2"):
        stories.places.leave(done)

    await stories.until("m1", "m2", "b1", "a1", "m3", "b2", "m4")
    assert len(stories.places) == 0
    await stories.places.aclose()
