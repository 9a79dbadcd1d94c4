"""The same stream as Server-Sent Events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.server import ALICE, ApiServer, api_server_at

Event = tuple[str, str | None, dict[str, Any]]


@asynccontextmanager
async def events(api_server: ApiServer, run: int, *, last: str | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
    url = f"{api_server.url}/organizations/1/agent/run/{run}/logs/stream"
    async with api_server.http.get(url, params={"api_key": ALICE}, headers=headers) as answer:
        yield answer


def read(text: str) -> list[Event]:
    """Each event's type, id and data; comments are passed over."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found


async def test_events_carry_type_and_id(api_server: ApiServer) -> None:
    """The last events are the end and the close code."""
    run = api_server.start_run(entries=1)
    api_server.codegen.finish(run)
    async with events(api_server, run) as answer:
        assert answer.content_type == "text/event-stream"
        assert answer.headers["X-Request-Id"]
        received = read(await answer.text())
    assert [(kind, place) for kind, place, _ in received] == [
        ("status", None),
        ("log", "1"),
        ("log", "2"),
        ("log", "3"),
        ("end", "3.end"),
        ("close", None),
    ]
    assert received[1][2]["index"] == 0
    assert received[-1][2] == {"type": "close", "code": 1000, "reason": "Stream complete."}


async def test_last_event_id_resumes(api_server: ApiServer) -> None:
    run = api_server.start_run(entries=149)
    api_server.codegen.finish(run)
    async with events(api_server, run, last="140") as answer:
        received = read(await answer.text())
    assert [data["index"] for kind, _, data in received if kind == "log"] == [*range(140, 151)]


async def test_last_event_id_after_end_is_answered_with_204(api_server: ApiServer) -> None:
    """Otherwise the browser would reconnect for ever. If the run was resumed, the stream continues."""
    run = api_server.start_run()
    api_server.codegen.finish(run)
    async with events(api_server, run, last="2.end") as answer:
        assert answer.status == 204
    other = api_server.start_run(entries=1)
    async with events(api_server, other, last="2.end") as answer:
        api_server.codegen.finish(other)
        assert [kind for kind, _, _ in read(await answer.text()) if kind != "status"] == ["log", "end", "close"]


async def test_invalid_last_event_id_is_refused(api_server: ApiServer) -> None:
    run = api_server.start_run()
    async with events(api_server, run, last="twelve") as answer:
        assert answer.status == 422


async def test_event_stream_allows_configured_origin(tmp_path: Path) -> None:
    """The stream itself carries the CORS headers for an `EventSource` of another page."""
    async with api_server_at(tmp_path, api_cors_origins="https://tools.example.com") as api_server:
        run = api_server.start_run()
        api_server.codegen.finish(run)
        url = f"{api_server.url}/organizations/1/agent/run/{run}/logs/stream"
        headers = {"Accept": "text/event-stream", "Origin": "https://tools.example.com"}
        async with api_server.http.get(url, params={"api_key": ALICE}, headers=headers) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "https://tools.example.com"
