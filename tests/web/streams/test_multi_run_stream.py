"""A multi-run's states, live."""

from __future__ import annotations

import json
from typing import Any

from tests.harness.server import ALICE, HEIDI, ApiServer
from tests.web.streams.test_access import refused


async def begin(api_server: ApiServer) -> str:
    """A multi-run of two attempts, both running."""
    for _ in range(3):
        api_server.codegen.script(run_seconds=None)
    async with api_server.http.post(
        f"{api_server.url}/organizations/1/multi-run",
        params={"api_key": ALICE},
        json={"prompt": "Make it fast.", "concurrency": 2},
    ) as answer:
        assert answer.status == 202
        document: dict[str, Any] = await answer.json()
    await api_server.codegen.until(lambda: len(api_server.codegen.runs) == 2)
    return f"/organizations/1/multi-run/{document['id']}/stream"


async def finish(api_server: ApiServer) -> None:
    api_server.codegen.finish(1, result="One way.")
    api_server.codegen.finish(2, result="Another way.")
    await api_server.codegen.run_created(3)
    api_server.codegen.finish(3, result="The best of both, with ghp_abcdefghijklmnopqrstuvwxyz0123456789.")


async def test_multi_run_stream_to_its_end(api_server: ApiServer) -> None:
    """Its state at once, each change, then the end, redacted."""
    path = await begin(api_server)
    async with await api_server.connect(path) as subscriber, await api_server.connect(path) as second:
        first = await subscriber.next()
        assert first["type"] == "multi_run_status"
        assert first["status"]["status"] == "running"
        assert path.endswith(f"/{first['multi_run_id']}/stream")
        await finish(api_server)
        *states, end = await subscriber.rest()
        assert states[-1]["status"]["status"] == "completed"
        assert end == {"type": "end", "status": "completed", "result": "The best of both, with [redacted]."}
        assert subscriber.code == 1000
        assert (await second.rest())[-1] == end


async def test_multi_run_stream_after_end(api_server: ApiServer) -> None:
    path = await begin(api_server)
    async with await api_server.connect(path) as subscriber:
        await finish(api_server)
        await subscriber.rest()
    async with await api_server.connect(path) as late:
        assert [frame["type"] for frame in await late.rest()] == ["multi_run_status", "end"]


async def test_multi_run_stream_as_events(api_server: ApiServer) -> None:
    path = await begin(api_server)
    await finish(api_server)
    headers = {"Accept": "text/event-stream"}
    async with api_server.http.get(f"{api_server.url}{path}", params={"api_key": ALICE}, headers=headers) as answer:
        text = await answer.text()
    assert "event: end\nid: 0.end\n" in text
    last = json.loads(text.rstrip().rpartition("data: ")[2])
    assert last["code"] == 1000
    headers["Last-Event-ID"] = "0.end"
    async with api_server.http.get(f"{api_server.url}{path}", params={"api_key": ALICE}, headers=headers) as answer:
        assert answer.status == 204


async def test_multi_run_stream_of_other_organization(shared_server: ApiServer) -> None:
    """It looks like a missing one."""
    path = await begin(shared_server)
    elsewhere = path.replace("/organizations/1/", "/organizations/2/")
    unknown = "/organizations/2/multi-run/http-0123/stream"
    assert (await refused(shared_server, path, HEIDI))[0] == 404
    assert await refused(shared_server, elsewhere, HEIDI) == await refused(shared_server, unknown, HEIDI)
    await finish(shared_server)
