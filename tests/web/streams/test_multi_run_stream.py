"""A multi-run's states, live."""

from __future__ import annotations

import json
from typing import Any

from tests.web.streams.house import ALICE, HEIDI, House
from tests.web.streams.test_access import refused


async def begin(house: House) -> str:
    """A multi-run of two attempts, both at work."""
    for _ in range(3):
        house.codegen.script(run_seconds=None)
    async with house.http.post(
        f"{house.url}/organizations/1/multi-run",
        params={"api_key": ALICE},
        json={"prompt": "Make it fast.", "concurrency": 2},
    ) as answer:
        assert answer.status == 202
        document: dict[str, Any] = await answer.json()
    await house.codegen.until(lambda: len(house.codegen.runs) == 2)
    return f"/organizations/1/multi-run/{document['id']}/stream"


async def finish(house: House) -> None:
    house.codegen.finish(1, result="One way.")
    house.codegen.finish(2, result="Another way.")
    await house.codegen.run_created(3)
    house.codegen.finish(3, result="The best of both, with ghp_abcdefghijklmnopqrstuvwxyz0123456789.")


async def test_a_multi_run_is_told_to_its_end(house: House) -> None:
    """Its state at once, each change, then how it has ended; secrets stay here."""
    path = await begin(house)
    async with await house.open(path) as ear, await house.open(path) as second:
        first = await ear.next()
        assert first["type"] == "multi_run_status"
        assert first["status"]["status"] == "running"
        assert path.endswith(f"/{first['multi_run_id']}/stream")
        await finish(house)
        *states, end = await ear.rest()
        assert states[-1]["status"]["status"] == "completed"
        assert end == {"type": "end", "status": "completed", "result": "The best of both, with [redacted]."}
        assert ear.code == 1000
        assert (await second.rest())[-1] == end


async def test_who_comes_after_the_end_hears_how_it_ended(house: House) -> None:
    path = await begin(house)
    async with await house.open(path) as ear:
        await finish(house)
        await ear.rest()
    async with await house.open(path) as late:
        assert [frame["type"] for frame in await late.rest()] == ["multi_run_status", "end"]


async def test_it_comes_as_events_too(house: House) -> None:
    path = await begin(house)
    await finish(house)
    headers = {"Accept": "text/event-stream"}
    async with house.http.get(f"{house.url}{path}", params={"api_key": ALICE}, headers=headers) as answer:
        text = await answer.text()
    assert "event: end\nid: 0.end\n" in text
    last = json.loads(text.rstrip().rpartition("data: ")[2])
    assert last["code"] == 1000
    headers["Last-Event-ID"] = "0.end"
    async with house.http.get(f"{house.url}{path}", params={"api_key": ALICE}, headers=headers) as answer:
        assert answer.status == 204


async def test_nobody_else_hears_of_it(shared_house: House) -> None:
    """One of another organization is as one that is not."""
    path = await begin(shared_house)
    elsewhere = path.replace("/organizations/1/", "/organizations/2/")
    unknown = "/organizations/2/multi-run/http-0123/stream"
    assert (await refused(shared_house, path, HEIDI))[0] == 404
    assert await refused(shared_house, elsewhere, HEIDI) == await refused(shared_house, unknown, HEIDI)
    await finish(shared_house)
