"""A multi-run's states, live."""

from __future__ import annotations

import json
from typing import Any

from tests.web.streams.stream_server import ALICE, HEIDI, StreamServer
from tests.web.streams.test_access import refused


async def begin(stream_server: StreamServer) -> str:
    """A multi-run of two attempts, both at work."""
    for _ in range(3):
        stream_server.codegen.script(run_seconds=None)
    async with stream_server.http.post(
        f"{stream_server.url}/organizations/1/multi-run",
        params={"api_key": ALICE},
        json={"prompt": "Make it fast.", "concurrency": 2},
    ) as answer:
        assert answer.status == 202
        document: dict[str, Any] = await answer.json()
    await stream_server.codegen.until(lambda: len(stream_server.codegen.runs) == 2)
    return f"/organizations/1/multi-run/{document['id']}/stream"


async def finish(stream_server: StreamServer) -> None:
    stream_server.codegen.finish(1, result="One way.")
    stream_server.codegen.finish(2, result="Another way.")
    await stream_server.codegen.run_created(3)
    stream_server.codegen.finish(3, result="The best of both, with ghp_abcdefghijklmnopqrstuvwxyz0123456789.")


async def test_a_multi_run_is_told_to_its_end(stream_server: StreamServer) -> None:
    """Its state at once, each change, then how it has ended; secrets stay here."""
    path = await begin(stream_server)
    async with await stream_server.open(path) as ear, await stream_server.open(path) as second:
        first = await ear.next()
        assert first["type"] == "multi_run_status"
        assert first["status"]["status"] == "running"
        assert path.endswith(f"/{first['multi_run_id']}/stream")
        await finish(stream_server)
        *states, end = await ear.rest()
        assert states[-1]["status"]["status"] == "completed"
        assert end == {"type": "end", "status": "completed", "result": "The best of both, with [redacted]."}
        assert ear.code == 1000
        assert (await second.rest())[-1] == end


async def test_who_comes_after_the_end_hears_how_it_ended(stream_server: StreamServer) -> None:
    path = await begin(stream_server)
    async with await stream_server.open(path) as ear:
        await finish(stream_server)
        await ear.rest()
    async with await stream_server.open(path) as late:
        assert [frame["type"] for frame in await late.rest()] == ["multi_run_status", "end"]


async def test_it_comes_as_events_too(stream_server: StreamServer) -> None:
    path = await begin(stream_server)
    await finish(stream_server)
    headers = {"Accept": "text/event-stream"}
    async with stream_server.http.get(
        f"{stream_server.url}{path}", params={"api_key": ALICE}, headers=headers
    ) as answer:
        text = await answer.text()
    assert "event: end\nid: 0.end\n" in text
    last = json.loads(text.rstrip().rpartition("data: ")[2])
    assert last["code"] == 1000
    headers["Last-Event-ID"] = "0.end"
    async with stream_server.http.get(
        f"{stream_server.url}{path}", params={"api_key": ALICE}, headers=headers
    ) as answer:
        assert answer.status == 204


async def test_nobody_else_hears_of_it(shared_house: StreamServer) -> None:
    """One of another organization is as one that is not."""
    path = await begin(shared_house)
    elsewhere = path.replace("/organizations/1/", "/organizations/2/")
    unknown = "/organizations/2/multi-run/http-0123/stream"
    assert (await refused(shared_house, path, HEIDI))[0] == 404
    assert await refused(shared_house, elsewhere, HEIDI) == await refused(shared_house, unknown, HEIDI)
    await finish(shared_house)
