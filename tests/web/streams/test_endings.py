"""How streams end: slow subscribers, shutdown, limits."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import aiohttp
import pytest

from bot.web.api.streams.frames import CloseCode
from bot.web.api.streams.subscribers import SEND_TIMEOUT, Subscribers
from bot.web.problems import Problem
from tests.harness import TIMEOUT
from tests.harness.clock import LoopClock
from tests.harness.log_lines import logged
from tests.harness.server import ALICE, ApiServer, Subscriber, api_server_at, quick_timing


def write_much(api_server: ApiServer, run: int, entries: int) -> None:
    """More than the system's own buffers hold."""
    for _ in range(entries):
        api_server.codegen.add_log(run, tool_output={"numbers": [1_000_000_000] * 10_000})


async def until(lines: io.StringIO, event: str) -> None:
    async with asyncio.timeout(TIMEOUT):
        while True:
            if event in lines.getvalue():
                return
            await asyncio.sleep(0.01)


async def test_slow_subscriber_is_closed_with_code(tmp_path: Path) -> None:
    """The others receive everything meanwhile, and a reconnecting client has lost nothing."""
    clock = LoopClock()
    async with api_server_at(tmp_path) as api_server:
        run = api_server.start_run()
        slow = await api_server.subscribe(run)
        async with await api_server.subscribe(run) as quick:
            with logged() as lines:
                write_much(api_server, run, 150)
                for index in range(151):
                    assert (await quick.next("log"))["index"] == index
                # Listeners, server and Codegen share one process: by the clock on the wall all of them are slow at times.
                clock.advance(seconds=SEND_TIMEOUT)
                await until(lines, "stream.subscriber_too_slow")
        received = [frame["index"] for frame in await slow.rest() if frame["type"] == "log"]
        assert slow.code == CloseCode.TOO_SLOW
        assert received == [*range(len(received))]
        assert len(received) < 151
        api_server.codegen.finish(run)
        async with await api_server.subscribe(run, from_=len(received)) as again:
            rest = [frame["index"] for frame in await again.rest() if frame["type"] == "log"]
        assert rest == [*range(len(received), 152)]


async def test_shutdown_closes_streams_with_code(tmp_path: Path) -> None:
    """By WebSocket and by Server-Sent Events."""
    async with aiohttp.ClientSession() as http, api_server_at(tmp_path) as api_server:
        run = api_server.start_run()
        subscriber = await api_server.subscribe(run)
        await subscriber.next("log")
        url = f"{api_server.url}/organizations/1/agent/run/{run}/logs/stream"
        events = await http.get(url, params={"api_key": ALICE}, headers={"Accept": "text/event-stream"})
        rest = asyncio.create_task(subscriber.rest())
        await api_server.stop()
        await rest
        assert subscriber.code == CloseCode.RESTART
        assert '"code":1012' in await events.text()


async def test_stuck_subscriber_does_not_delay_shutdown(tmp_path: Path) -> None:
    """Even if it has an hour to accept a frame."""
    async with (
        asyncio.timeout(None) as limit,
        api_server_at(tmp_path, timing=quick_timing(send_timeout=3600.0)) as api_server,
    ):
        run = api_server.start_run()
        stuck: Subscriber = await api_server.subscribe(run)
        async with await api_server.subscribe(run) as quick:
            write_much(api_server, run, 150)
            for _ in range(151):
                await quick.next("log")
        limit.reschedule(asyncio.get_running_loop().time() + 60)
    assert not stuck.socket.closed or stuck.code is not None


async def test_streams_per_token_are_limited() -> None:
    """Subscribers that have left do not count; none is accepted during shutdown."""
    connected = Subscribers(most=2)
    with connected.enter("alice"):
        with connected.enter("alice"), pytest.raises(Problem) as refusal, connected.enter("alice"):
            pass
        assert refusal.value.status == 429
        with connected.enter("alice"), connected.enter("bob"):
            assert len(connected) == 3
    await connected.close()
    with pytest.raises(Problem) as refusal, connected.enter("alice"):
        pass
    assert refusal.value.status == 503


def test_every_close_code_has_a_sentence() -> None:
    """It fits into a close frame."""
    assert all(0 < len(code.sentence.encode()) <= 123 for code in CloseCode)
