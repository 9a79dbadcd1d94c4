"""The same stream as Server-Sent Events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.web.streams.stream_server import ALICE, StreamServer, stream_server_at

Event = tuple[str, str | None, dict[str, Any]]


@asynccontextmanager
async def events(
    stream_server: StreamServer, run: int, *, last: str | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
    url = f"{stream_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with stream_server.http.get(url, params={"api_key": ALICE}, headers=headers) as answer:
        yield answer


def read(text: str) -> list[Event]:
    """Each event's type, id and data; comments are passed over."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found


async def test_events_carry_the_type_and_the_place(stream_server: StreamServer) -> None:
    """The end is told, then the close code that a WebSocket would have had."""
    run = stream_server.begin(entries=1)
    stream_server.codegen.finish(run)
    async with events(stream_server, run) as answer:
        assert answer.content_type == "text/event-stream"
        assert answer.headers["X-Request-Id"]
        heard = read(await answer.text())
    assert [(kind, place) for kind, place, _ in heard] == [
        ("status", None),
        ("log", "1"),
        ("log", "2"),
        ("log", "3"),
        ("end", "3.end"),
        ("close", None),
    ]
    assert heard[1][2]["index"] == 0
    assert heard[-1][2] == {"type": "close", "code": 1000, "reason": "Stream complete."}


async def test_a_browser_goes_on_where_it_was(stream_server: StreamServer) -> None:
    run = stream_server.begin(entries=149)
    stream_server.codegen.finish(run)
    async with events(stream_server, run, last="140") as answer:
        heard = read(await answer.text())
    assert [data["index"] for kind, _, data in heard if kind == "log"] == [*range(140, 151)]


async def test_a_browser_that_has_heard_the_end_is_told_to_stay_away(stream_server: StreamServer) -> None:
    """It would come back for ever: 204 is what keeps it from that. A run that was resumed goes on for it."""
    run = stream_server.begin()
    stream_server.codegen.finish(run)
    async with events(stream_server, run, last="2.end") as answer:
        assert answer.status == 204
    other = stream_server.begin(entries=1)
    async with events(stream_server, other, last="2.end") as answer:
        stream_server.codegen.finish(other)
        assert [kind for kind, _, _ in read(await answer.text()) if kind != "status"] == ["log", "end", "close"]


async def test_an_id_that_is_none_is_refused(stream_server: StreamServer) -> None:
    run = stream_server.begin()
    async with events(stream_server, run, last="twelve") as answer:
        assert answer.status == 422


async def test_a_page_that_may_call_the_api_may_listen(tmp_path: Path) -> None:
    """An `EventSource` on another page is told so by the stream itself."""
    async with stream_server_at(tmp_path, cors="https://tools.example.com") as stream_server:
        run = stream_server.begin()
        stream_server.codegen.finish(run)
        url = f"{stream_server.url}/organizations/1/agent/run/{run}/logs/stream"
        headers = {"Accept": "text/event-stream", "Origin": "https://tools.example.com"}
        async with stream_server.http.get(url, params={"api_key": ALICE}, headers=headers) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "https://tools.example.com"
