"""Limits of one connection, and their number."""

from __future__ import annotations

import asyncio
import gzip

import aiohttp
from aiohttp import WSMsgType, web
from inline_snapshot import snapshot

from bot.web.connection import ConnectionLimits
from tests.harness.clock import Clock
from tests.web.raw import PATIENCE, RawClient, head
from tests.web.serving import served


async def until_closed(clock: Clock, client: RawClient) -> bytes:
    """Lets deadlines pass until the server has closed the connection."""
    closing = asyncio.create_task(client.closed())
    while not closing.done():
        clock.advance(31.0)
        await asyncio.wait({closing}, timeout=0.02)
    return await closing


class Waiter:
    """Answers once the test allows it."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.requests = asyncio.Semaphore(0)

    async def handle(self, _request: web.Request) -> web.Response:
        self.requests.release()
        await self.may_answer.wait()
        return web.json_response("done")

    async def arrived(self, count: int = 1) -> None:
        async with asyncio.timeout(PATIENCE):
            for _ in range(count):
                await self.requests.acquire()


async def answer(_request: web.Request) -> web.Response:
    return web.json_response("done")


async def ask(client: RawClient) -> None:
    await client.send(head("GET", "/"))
    assert (await client.answer()).status == 200


async def test_endless_head_times_out() -> None:
    clock = Clock()
    async with (
        served(answer, clock=clock) as url,
        await RawClient.connect(url) as client,
        await RawClient.connect(url) as other,
    ):
        await client.send(head("GET", "/")[:-2] + b"X-Half: ")
        # When this is answered, that has arrived.
        await ask(other)
        received = await until_closed(clock, client)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b'"The head of the request did not arrive within 30 seconds."' in received


async def test_many_endless_heads_are_all_closed() -> None:
    clock = Clock()
    async with served(answer, clock=clock) as url:
        strangers = [await RawClient.connect(url) for _ in range(300)]
        for each in strangers:
            await each.send(b"GET / HTTP/1.1\r\nX-Half: ")
        async with await RawClient.connect(url) as client:
            await ask(client)
        for each in strangers:
            async with each:
                assert (await until_closed(clock, each))[:13] == b"HTTP/1.1 408 "


async def test_connection_without_request_is_closed() -> None:
    clock = Clock()
    async with served(answer, clock=clock) as url, await RawClient.connect(url) as client:
        assert await until_closed(clock, client) == b""


async def test_next_head_has_deadline() -> None:
    clock = Clock()
    async with served(answer, clock=clock) as url, await RawClient.connect(url) as client:
        await ask(client)
        await client.send(b"GET")
        assert (await until_closed(clock, client))[:13] == b"HTTP/1.1 408 "


async def test_idle_connection_is_kept_alive() -> None:
    clock = Clock()
    async with (
        served(answer, clock=clock) as url,
        await RawClient.connect(url) as idle,
        await RawClient.connect(url) as late,
    ):
        await ask(idle)
        await until_closed(clock, late)
        await ask(idle)


async def test_request_in_progress_has_no_deadline() -> None:
    clock, waiter = Clock(), Waiter()
    async with (
        served(waiter.handle, clock=clock) as url,
        await RawClient.connect(url) as client,
        await RawClient.connect(url) as late,
    ):
        await client.send(head("POST", "/", Content_Length=2) + b"{}")
        await waiter.arrived()
        await until_closed(clock, late)
        waiter.may_answer.set()
        assert (await client.answer()).status == 200


async def test_oversized_head_is_refused() -> None:
    line = b"X-Padding: " + b"x" * 4_000 + b"\r\n"
    async with served(answer) as url, await RawClient.connect(url) as client:
        await client.send(head("GET", "/")[:-2] + 20 * line)
        assert (await client.answer()).problem == snapshot((431, "The head of the request is larger than 32 kB."))
        assert await client.closed() == b""


async def test_unbounded_pipelining_closes_connection() -> None:
    waiter = Waiter()
    async with served(waiter.handle) as url, await RawClient.connect(url) as client:
        await client.send(head("GET", "/"))
        await waiter.arrived()
        await client.send(head("GET", "/", X_Padding="x" * 4_000) * 20)
        assert await client.closed() == b""


async def test_two_pipelined_requests_are_answered() -> None:
    async with served(answer) as url, await RawClient.connect(url) as client:
        await client.send(head("GET", "/") * 2)
        assert [(await client.answer()).status for _ in range(2)] == [200, 200]


async def test_client_that_does_not_read_is_closed() -> None:
    is_gone = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(2**20))
        finally:
            is_gone.set()

    clock = Clock()
    async with served(handle, clock=clock) as url, await RawClient.connect(url) as client:
        await client.send(head("GET", "/"))
        while not is_gone.is_set():
            clock.now += 31.0
            await asyncio.wait({asyncio.create_task(is_gone.wait())}, timeout=0.02)


async def test_rest_of_unwanted_body_is_not_read() -> None:
    """Only a little, so that its sender gets to read the answer."""
    limits = ConnectionLimits(lingering=0.5, lingering_bytes=100_000)
    sent = 0
    async with served(answer, limits) as url, await RawClient.connect(url) as client:
        await client.send(head("POST", "/", Content_Length=2**30))
        got = await client.answer()
        assert (got.status, got.headers["connection"]) == (200, "close")
        try:
            while sent < 2**30:
                await client.send(bytes(2**16))
                sent += 2**16
        except ConnectionError:
            pass
    # What the kernel takes in for both sides is more than what is read.
    assert sent < 2**26


async def test_nothing_is_decompressed() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    bomb = gzip.compress(bytes(2**20))
    async with served(echo, middlewares=()) as url, await RawClient.connect(url) as client:
        await client.send(head("POST", "/", Content_Encoding="gzip", Content_Length=len(bomb)) + bomb)
        assert (await client.answer()).body == bomb


async def test_longest_waiting_connection_is_closed_first() -> None:
    async with served(answer, ConnectionLimits(connections=3)) as url, await RawClient.connect(url) as idle:
        await ask(idle)
        async with await RawClient.connect(url) as half, await RawClient.connect(url) as first:
            await half.send(b"GET / HTTP")
            await ask(first)
            async with await RawClient.connect(url) as second:
                await ask(second)
                assert await idle.closed() == b""
                async with await RawClient.connect(url) as third:
                    await ask(third)
                    assert await half.closed() == b""
                    for each in (first, second, third):
                        await ask(each)


async def test_request_in_progress_is_not_closed() -> None:
    waiter = Waiter()
    async with (
        served(waiter.handle, ConnectionLimits(connections=2)) as url,
        await RawClient.connect(url) as first,
        await RawClient.connect(url) as second,
    ):
        for each in (first, second):
            await each.send(head("GET", "/"))
        await waiter.arrived(2)
        async with await RawClient.connect(url) as third:
            assert await third.closed() == b""
        waiter.may_answer.set()
        for each in (first, second):
            assert (await each.answer()).status == 200


async def test_websocket_may_exceed_head_limit() -> None:
    """Frames are not pipelined requests."""

    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async with served(echo) as url, aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        for _ in range(10):
            await socket.send_str("x" * 10_000)
            message = await socket.receive()
            assert (message.type, len(message.data)) == (WSMsgType.TEXT, 10_000)
