"""Frames are serialized off the loop; texts that were not searched for secrets in time are withheld."""

from __future__ import annotations

from pathlib import Path

from bot.web.api.streams.frames import WITHHELD
from tests.harness.server import ALICE, api_server_at, quick_timing

LONG = "and so on " * 1_000


async def test_long_texts_are_serialized_in_time(tmp_path: Path) -> None:
    async with api_server_at(tmp_path, timing=quick_timing(text_limit=60.0)) as api_server:
        run = api_server.start_run()
        api_server.codegen.add_log(run, thought=LONG)
        api_server.codegen.finish(run, result=f"{LONG} ghp_{'a1' * 20}")
        async with await api_server.subscribe(run) as alice:
            received = await alice.rest()
    assert [frame["type"] for frame in received] == ["status", "log", "log", "log", "end"]
    assert received[2]["log"]["thought"] == LONG
    assert received[0]["result"] == received[-1]["result"] == f"{LONG} [redacted]"


async def test_long_texts_are_withheld_on_timeout(tmp_path: Path) -> None:
    async with api_server_at(tmp_path, timing=quick_timing(text_limit=0.0)) as api_server:
        run = api_server.start_run()
        api_server.codegen.add_log(run, thought=LONG, tool_name="Bash")
        api_server.codegen.finish(run, result=LONG)
        async with await api_server.subscribe(run) as alice:
            received = await alice.rest()
    assert [frame["type"] for frame in received] == ["status", "log", "log", "log", "end"]
    assert [frame["result"] for frame in (received[0], received[-1])] == [WITHHELD, WITHHELD]
    assert [received[2]["log"][name] for name in ("tool_name", "thought", "observation")] == ["Bash", None, WITHHELD]


async def test_multi_run_texts_are_withheld_on_timeout(tmp_path: Path) -> None:
    async with api_server_at(tmp_path, timing=quick_timing(text_limit=0.0)) as api_server:
        headers = {"Authorization": f"Bearer {ALICE}"}
        body = {"prompt": "Fix it.", "concurrency": 1}
        api_server.codegen.script(run_seconds=None)
        async with api_server.http.post(
            f"{api_server.url}/organizations/1/multi-run", json=body, headers=headers
        ) as answer:
            identity = (await answer.json())["id"]
        await api_server.codegen.run_created(1)
        api_server.codegen.finish(1, result=LONG)
        async with await api_server.connect(f"/organizations/1/multi-run/{identity}/stream") as alice:
            received = await alice.rest()
    assert received[-2]["status"] | {"id": ""} == {
        "id": "",
        "status": "completed",
        "message": WITHHELD,
        "final": WITHHELD,
        "candidates": [],
        "agent_runs": [],
    }
    assert received[-1] == {"type": "end", "status": "completed", "result": WITHHELD}
