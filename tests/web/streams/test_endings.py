"""A stream ends for other reasons than the run's end: a slow listener, a server that stops."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.subscriber import PATIENCE
from bot.web.api.streams.subscribers import Subscribers
from bot.web.problems import Problem
from tests.harness.loop_clock import LoopClock
from tests.log_lines import logged
from tests.web.streams.stream_server import ALICE, Ear, StreamServer, stream_server_at


def write_much(stream_server: StreamServer, run: int, entries: int) -> None:
    """More than the system's own buffers hold; numbers are written fast."""
    for _ in range(entries):
        stream_server.codegen.add_log(run, tool_output={"numbers": [1_000_000_000] * 10_000})


async def until(lines: io.StringIO, event: str) -> None:
    async with asyncio.timeout(60):
        while True:
            if event in lines.getvalue():
                return
            await asyncio.sleep(0.01)


async def test_a_slow_listener_is_dropped_with_a_code(tmp_path: Path) -> None:
    """The others hear everything meanwhile. Who comes back with the count has lost nothing."""
    clock = LoopClock()
    async with stream_server_at(tmp_path) as stream_server:
        run = stream_server.begin()
        slow = await stream_server.listen(run)
        async with await stream_server.listen(run) as quick:
            with logged() as lines:
                write_much(stream_server, run, 150)
                for index in range(151):
                    assert (await quick.next("log"))["index"] == index
                # Listeners, server and Codegen share one process: by the clock on the wall all of them are slow at times.
                clock.passes(seconds=PATIENCE)
                await until(lines, "stream.subscriber_too_slow")
        heard = [frame["index"] for frame in await slow.rest() if frame["type"] == "log"]
        assert slow.code == CloseCode.TOO_SLOW
        assert heard == [*range(len(heard))]
        assert len(heard) < 151
        stream_server.codegen.finish(run)
        async with await stream_server.listen(run, from_=len(heard)) as again:
            rest = [frame["index"] for frame in await again.rest() if frame["type"] == "log"]
        assert rest == [*range(len(heard), 152)]


async def test_a_server_that_stops_says_so(tmp_path: Path) -> None:
    """By WebSocket and by Server-Sent Events, at once."""
    async with stream_server_at(tmp_path) as stream_server:
        run = stream_server.begin()
        ear = await stream_server.listen(run)
        await ear.next("log")
        url = f"{stream_server.url}/organizations/1/agent/run/{run}/logs/stream"
        events = await stream_server.http.get(url, params={"api_key": ALICE}, headers={"Accept": "text/event-stream"})
        rests = [asyncio.create_task(ear.rest()), asyncio.create_task(events.text())]
    await rests[0]
    assert ear.code == CloseCode.RESTART
    assert '"code":1012' in str(await rests[1])


async def test_a_stuck_listener_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    """It has an hour to take what it is sent, and is not waited for."""
    async with asyncio.timeout(None) as limit, stream_server_at(tmp_path, send_patience=3600.0) as stream_server:
        run = stream_server.begin()
        stuck: Ear = await stream_server.listen(run)
        async with await stream_server.listen(run) as quick:
            write_much(stream_server, run, 150)
            for _ in range(151):
                await quick.next("log")
        limit.reschedule(asyncio.get_running_loop().time() + 60)
    assert not stuck.socket.closed or stuck.code is not None


async def test_one_token_does_not_take_all_the_places() -> None:
    """The places of those who have gone are free again; nobody comes in when the server stops."""
    connected = Subscribers(most=2)
    with connected.enter("alice"):
        with connected.enter("alice"), pytest.raises(Problem) as told, connected.enter("alice"):
            pass
        assert told.value.status == 429
        with connected.enter("alice"), connected.enter("bob"):
            assert len(connected) == 3
    await connected.close()
    with pytest.raises(Problem) as told, connected.enter("alice"):
        pass
    assert told.value.status == 503


def test_every_code_says_why() -> None:
    """In a sentence that fits into a close frame."""
    assert all(0 < len(code.sentence.encode()) <= 123 for code in CloseCode)
