"""The parts of a stream: cached entries, checks of a token, poll intervals, heartbeats."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from bot.codegen.polling import PollInterval
from bot.web.api.multi_run_work import MultiRunInProgress, state_of
from bot.web.api.streams import frames
from bot.web.api.streams.multi_run_status_manager import MultiRunCursor
from bot.web.api.streams.run_reader import Entries
from bot.web.api.streams.subscribers import Subscriber, deliver
from bot.web.problems import Problem
from tests.harness import TIMEOUT
from tests.harness.server import api_server_at, quick_timing


def test_entries_are_bounded_in_bytes() -> None:
    """The oldest entries are dropped, indexes stay the same; the newest entry stays, however long."""
    entries = Entries(100)
    entries.add([b"x" * 10] * 50)
    entries.shrink(95)
    assert (entries.first, entries.end, entries.size) == (141, 150, 90)
    assert len(entries.after(145)) == 5
    assert entries.after(150) == entries.after(9_999) == []
    entries.add([b"x" * 1000])
    entries.shrink(95)
    assert (entries.first, entries.end, entries.size) == (150, 151, 1000)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (HTTPStatus.UNAUTHORIZED, 4001),
        (HTTPStatus.FORBIDDEN, 4004),
        (HTTPStatus.NOT_FOUND, 4004),
        (None, None),
    ],
)
async def test_token_of_multi_run_stream_is_checked_every_minute(status: HTTPStatus | None, code: int | None) -> None:
    checks, pauses = 0, list[float]()
    is_over = asyncio.Event()

    async def check() -> None:
        nonlocal checks
        checks += 1
        if status is not None:
            is_over.set()
            raise Problem(status, "No.")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            is_over.set()
            await asyncio.Event().wait()

    call: Any = None
    subscriber, multi_run = Subscriber(), MultiRunInProgress(state_of("http-1"), digest="")
    cursor = MultiRunCursor(call, subscriber, multi_run, check, sleep=sleep)
    async with asyncio.timeout(TIMEOUT):
        await is_over.wait()
        await (asyncio.sleep(0) if status is None else subscriber.wake.wait())
    cursor.close()

    assert (checks, pauses) == ((2, [60.0] * 3) if status is None else (1, [60.0]))
    assert (subscriber.last and subscriber.last[0]) == code
    assert multi_run.wakes == set()


async def test_poll_interval_is_shortest_but_not_below_floor(tmp_path: Path) -> None:
    waits = Counter[int]()
    """Seconds waited after so many polls."""

    async def sleep(seconds: float) -> None:
        waits[api_server.requests("/logs")] += round(seconds)
        await asyncio.sleep(0.001)

    async with api_server_at(
        tmp_path, timing=quick_timing(run_poll_interval=PollInterval(2.0, 2.0), sleep=sleep)
    ) as api_server:
        run = api_server.start_run()
        async with await api_server.subscribe(run, poll_interval=30):
            await api_server.next_poll(run, 3)
            assert [waits[1], waits[2]] == [30, 30]
            async with await api_server.subscribe(run, poll_interval=0.5):
                await api_server.next_poll(run, 3)
                assert waits[api_server.requests("/logs") - 1] == 2


async def test_heartbeat_is_sent_in_silence() -> None:
    beats = 0

    class Silent:
        async def send(self, frame: frames.Frame) -> None:
            raise AssertionError

        async def send_heartbeat(self) -> None:
            nonlocal beats
            beats += 1
            if beats == 3:
                raise ConnectionResetError

        async def close(self, code: int) -> None:
            raise AssertionError

    class Nothing:
        has_ended = False

        async def next(self) -> Sequence[frames.Frame]:
            return []

    subscriber = Subscriber()
    await deliver(subscriber, Nothing(), Silent(), heartbeat=0.001)
    assert beats == 3
    assert subscriber.has_left


def test_frame_replaces_what_json_lacks() -> None:
    """Numbers beyond JSON become null, half a surrogate pair a question mark."""
    assert frames.error("\ud800").json == b'{"type":"error","message":"?","code":null}'
