"""What is cached for callers is measured, bounded, and dropped when it is not used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.codegen.models import AgentRun
from bot.web.api.cache import Sweep, TokenCache, size_of
from tests.harness import TIMEOUT
from tests.harness.clock import Clock


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda text: text,
        lambda text: [text],
        lambda text: {"a": (text,)},
        lambda text: {text: 1},
        lambda text: AgentRun(id=1, organization_id=1, metadata={"a": [text]}),
        lambda text: [AgentRun(id=1, organization_id=1, result=text)],
    ],
)
def test_size_of_counts_nested_texts(wrapped: Callable[[str], object]) -> None:
    assert size_of(wrapped("x" * 100_000)) - size_of(wrapped("")) == 100_000


async def test_sweep_runs_until_nothing_is_left() -> None:
    left, is_done = [3], asyncio.Event()

    def drop() -> bool:
        left[0] -= 1
        if not left[0]:
            is_done.set()
        return left[0] > 0

    sweep = Sweep(drop, every=0.001)
    sweep.arm()
    sweep.arm()
    async with asyncio.timeout(TIMEOUT):
        await is_done.wait()
    # Nothing is left to be dropped, so that nothing is called any more.
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert left == [0]


async def keep(cache: TokenCache, caller: str, question: str, size: int = 0, *, seconds: float = 60.0) -> bool:
    """:returns: whether it was not cached"""
    asked = False

    async def ask() -> str:
        nonlocal asked
        asked = True
        return "x" * size

    await cache.get((caller, 1, question), ask, ttl=seconds)
    return asked


async def test_cache_greedy_token_evicts_its_own_entries() -> None:
    cache = TokenCache(most=10, clock=Clock())
    for number in range(3):
        await keep(cache, "modest", str(number))
    for number in range(50):
        await keep(cache, "greedy", str(number))

    assert [await keep(cache, "modest", str(number)) for number in range(3)] == [False] * 3
    assert [await keep(cache, "greedy", str(number)) for number in (49, 43, 42)] == [False, False, True]


async def test_cache_is_bounded_in_bytes() -> None:
    cache = TokenCache(most_bytes=1_000_000, clock=Clock())
    await keep(cache, "modest", "0", 100_000)
    for number in range(20):
        await keep(cache, "greedy", str(number), 200_000)
        assert cache.size <= 1_000_000

    assert await keep(cache, "modest", "0") is False
    assert await keep(cache, "greedy", "19") is False
    assert await keep(cache, "greedy", "0") is True


async def test_cache_stores_value_above_limit() -> None:
    cache = TokenCache(most_bytes=1_000, clock=Clock())
    await keep(cache, "modest", "0", 100)

    assert await keep(cache, "greedy", "0", 5_000) is True
    assert await keep(cache, "greedy", "0", 5_000) is False


async def test_cache_drops_expired_values() -> None:
    clock = Clock()
    cache = TokenCache(clock=clock)
    await keep(cache, "one", "short", 1_000, seconds=2)
    await keep(cache, "one", "long", 1_000)
    clock.now += 3

    assert cache.drop_expired()
    assert cache.size < 2_000
    clock.now += 60
    assert not cache.drop_expired()
    assert cache.size == 0
