"""Limits of request bodies: size, time, and total memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from aiohttp import web
from inline_snapshot import snapshot

from bot.web.bodies import RequestBodies
from tests.harness.log_lines import lines, logged
from tests.web.raw import PATIENCE, RawClient, head
from tests.web.serving import served

LARGEST = 80_000


class Reader:
    """Answers with the length of the body, once the test allows it."""

    def __init__(self, bodies: RequestBodies) -> None:
        self.bodies = bodies
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.waiting = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await self.bodies.read(request, largest=LARGEST)
        self.waiting += 1
        await self.may_answer.wait()
        return web.json_response(len(body))


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not predicate():  # noqa: ASYNC110 - nobody tells of bytes that have been read
            await asyncio.sleep(0)


def whole(size: int) -> bytes:
    return head("POST", "/", Content_Length=size) + bytes(size)


async def test_body_is_released_after_answer() -> None:
    reader = Reader(RequestBodies(most=LARGEST))
    async with served(reader.handle) as url, await RawClient.connect(url) as client:
        for size in (LARGEST, 0, 1, LARGEST):
            await client.send(whole(size))
            assert (await client.answer()).document == size
    assert reader.bodies.held == 0


async def test_oldest_incomplete_body_is_dropped() -> None:
    """A stranger holds nearly all memory; a delivery that is sent at once gets through."""
    bodies = RequestBodies(most=100_000)
    with logged() as log:
        async with (
            served(Reader(bodies).handle) as url,
            await RawClient.connect(url) as stranger,
            await RawClient.connect(url) as github,
        ):
            await stranger.send(head("POST", "/", Content_Length=LARGEST) + bytes(LARGEST - 1))
            await until(lambda: bodies.held == LARGEST - 1)
            await github.send(whole(LARGEST))
            assert (await github.answer()).document == LARGEST
            dropped = await stranger.answer()
            assert await stranger.closed() == b""
    assert dropped.problem == snapshot((503, "The server holds too many bodies; send this one again later."))
    assert dropped.headers["retry-after"] == "10"
    assert [line["event"] for line in lines(log)] == ["body.dropped"]
    assert bodies.held == 0


async def test_bodies_of_strangers_are_bounded() -> None:
    bodies = RequestBodies(most=100_000)
    held = []

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(len(await bodies.read(request, largest=LARGEST)))
        finally:
            held.append(bodies.held)

    async def send_most(url: str) -> int:
        async with await RawClient.connect(url) as stranger:
            await stranger.send(head("POST", "/", Content_Length=LARGEST) + bytes(LARGEST // 2))
            return (await stranger.answer()).status

    async with served(handle) as url:
        strangers = [asyncio.create_task(send_most(url)) for _ in range(20)]
        await until(lambda: len(held) >= 18)
        async with await RawClient.connect(url) as github:
            await github.send(whole(LARGEST))
            assert (await github.answer()).document == LARGEST
        # Two fitted in; the delivery has taken their place.
        assert Counter(await asyncio.gather(*strangers)) == {503: 20}
    assert max(held) <= 100_000


@pytest.mark.parametrize("size", [LARGEST, 800])
async def test_complete_body_is_not_dropped(size: int) -> None:
    """Neither one that is read in parts, nor one that has arrived with its head."""
    reader = Reader(RequestBodies(most=size + size // 2))
    reader.may_answer.clear()
    async with served(reader.handle) as url:
        async with await RawClient.connect(url) as first, await RawClient.connect(url) as second:
            await first.send(whole(size))
            await until(lambda: reader.waiting == 1)
            await second.send(whole(size))
            assert (await second.answer()).status == 503
            reader.may_answer.set()
            assert (await first.answer()).document == size
        async with await RawClient.connect(url) as third:
            await third.send(whole(size))
            assert (await third.answer()).document == size


async def test_slow_body_times_out() -> None:
    bodies = RequestBodies(most=LARGEST, timeout=0.1)
    async with served(Reader(bodies).handle) as url, await RawClient.connect(url) as client:
        await client.send(whole(LARGEST)[:-1])
        assert (await client.answer()).problem == snapshot((408, "The body did not arrive within 0.1 seconds."))
        assert await client.closed() == b""
    assert bodies.held == 0


@pytest.mark.parametrize(
    "request_",
    [
        head("POST", "/", Content_Length=LARGEST + 1),
        head("POST", "/", Transfer_Encoding="chunked") + b"%x\r\n" % (LARGEST + 1) + bytes(LARGEST + 1),
    ],
)
async def test_too_large_body_is_refused(request_: bytes) -> None:
    bodies = RequestBodies(most=LARGEST)
    async with served(Reader(bodies).handle) as url, await RawClient.connect(url) as client:
        await client.send(request_)
        assert (await client.answer()).status == 413
        assert await client.closed() == b""
    assert bodies.held == 0


async def test_wrongly_framed_body_is_refused() -> None:
    bodies = RequestBodies(most=LARGEST)
    async with served(Reader(bodies).handle) as url, await RawClient.connect(url) as client:
        await client.send(head("POST", "/", Transfer_Encoding="chunked", Expect="100-continue"))
        assert (await client.answer()).status == 100
        await client.send(b"5\r\nhello, world\r\n")
        assert (await client.answer()).problem == snapshot(
            (400, "The body is incomplete, or does not match its headers.")
        )
    assert bodies.held == 0
