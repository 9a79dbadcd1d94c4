"""What a stream is made of: the kept log, older pages, a token's standing, how often a log is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import pytest

from bot.web.api.streams import frames
from bot.web.api.streams.authorization import Authorization
from bot.web.api.streams.entries import Entries, OlderPages
from bot.web.api.streams.subscriber import Subscriber, tell
from bot.web.problems import Problem
from tests.codegen.clock import Clock
from tests.web.streams.stream_server import stream_server_at


def test_a_log_is_kept_within_its_room() -> None:
    """The oldest entries leave; places stay what they are; the newest entry stays, however long."""
    entries = Entries(100)
    entries.add([b"x" * 10] * 50)
    entries.shrink(95)
    assert (entries.first, entries.end, entries.size) == (141, 150, 90)
    assert len(entries.after(145)) == 5
    assert entries.after(150) == entries.after(9_999) == []
    entries.add([b"x" * 1000])
    entries.shrink(95)
    assert (entries.first, entries.end, entries.size) == (150, 151, 1000)


async def test_a_page_is_read_once_for_all_who_need_it() -> None:
    """And again where it has grown, or has been dropped for others."""
    asked: list[int] = []
    length = 30

    async def read(start: int) -> Sequence[bytes]:
        asked.append(start)
        await asyncio.sleep(0)
        return [b"%d" % place for place in range(start, start + length)]

    pages = OlderPages(lambda: 150)
    found = await asyncio.gather(*(pages.after(place, read) for place in (100, 110, 129)))
    assert [page[0] for page in found] == [b"100", b"110", b"129"]
    assert asked == [100]
    length = 40
    assert (await pages.after(135, read))[0] == b"135"
    await pages.after(0, read)
    await pages.after(100, read)
    assert asked == [100, 100, 0, 100]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (HTTPStatus.UNAUTHORIZED, 4001),
        (HTTPStatus.FORBIDDEN, 4004),
        (HTTPStatus.NOT_FOUND, 4004),
        (HTTPStatus.BAD_GATEWAY, None),
    ],
)
async def test_a_token_is_asked_for_again_after_a_minute(status: HTTPStatus, code: int | None) -> None:
    """Once for all who listen by it; what Codegen does not answer is no refusal."""
    clock = Clock()
    asked: list[float] = []

    async def ask() -> None:
        asked.append(clock.now)
        raise Problem(status, "No.")

    standing = Authorization("key", ask, clock=clock)
    subscribers = [Subscriber(), Subscriber()]
    standing.subscribers |= {*subscribers}
    clock.passes(59)
    standing.look()
    await asyncio.sleep(0)
    assert asked == []
    clock.passes(2)
    standing.look()
    standing.look()
    await asyncio.sleep(0)
    assert len(asked) == 1
    assert [each.farewell.code if each.farewell else None for each in subscribers] == [code, code]


async def test_a_log_is_looked_at_as_the_most_impatient_wants_it_but_not_below_the_floor(tmp_path: Path) -> None:
    """`poll_interval` is no licence to ask Codegen more often than every two seconds."""
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)
        await asyncio.sleep(0.005)

    async with stream_server_at(tmp_path, shortest=2.0, sleep=sleep) as stream_server:
        run = stream_server.begin()
        async with await stream_server.listen(run, poll_interval=30):
            await stream_server.next_look(run, 3)
            assert {round(rest) for rest in rests} == {30}
            rests.clear()
            async with await stream_server.listen(run, poll_interval=0.5):
                await stream_server.next_look(run, 3)
            assert round(rests[-1]) == 2


async def test_silence_is_broken_by_a_heartbeat() -> None:
    """So that neither side takes a quiet line for a dead one."""
    beats = 0

    class Wire:
        async def send(self, frame: frames.Frame) -> None:
            raise AssertionError

        async def beat(self) -> None:
            nonlocal beats
            beats += 1
            if beats == 3:
                raise ConnectionResetError

        async def close(self, code: int) -> None:
            raise AssertionError

    class Nothing:
        async def news(self) -> Sequence[frames.Frame]:
            return []

        def look(self) -> None:
            pass

    listener = Subscriber()
    await tell(listener, Nothing(), Wire(), heartbeat=0.001)
    assert beats == 3
    assert listener.has_left


def test_what_json_does_not_have_is_written_all_the_same() -> None:
    """Numbers beyond JSON become null, half a surrogate pair a question mark."""
    assert frames.error("\ud800").json == b'{"type":"error","message":"?","code":null}'
