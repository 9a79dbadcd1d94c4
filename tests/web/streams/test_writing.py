"""What is streamed is written off the loop; what was not searched for secrets in time is not sent."""

from __future__ import annotations

from pathlib import Path

from bot.web.api.streams.writing import WITHHELD
from tests.web.streams.stream_server import ALICE, stream_server_at

LONG = "and so on " * 1_000


async def test_long_texts_that_are_written_in_time(tmp_path: Path) -> None:
    async with stream_server_at(tmp_path, text_limit=60.0) as stream_server:
        run = stream_server.begin()
        stream_server.codegen.add_log(run, thought=LONG)
        stream_server.codegen.finish(run, result=f"{LONG} ghp_{'a1' * 20}")
        async with await stream_server.listen(run) as alice:
            heard = await alice.rest()
    assert [frame["type"] for frame in heard] == ["status", "log", "log", "log", "end"]
    assert heard[2]["log"]["thought"] == LONG
    assert heard[0]["result"] == heard[-1]["result"] == f"{LONG} [redacted]"


async def test_long_texts_that_take_too_long_are_withheld(tmp_path: Path) -> None:
    async with stream_server_at(tmp_path, text_limit=0.0) as stream_server:
        run = stream_server.begin()
        stream_server.codegen.add_log(run, thought=LONG, tool_name="Bash")
        stream_server.codegen.finish(run, result=LONG)
        async with await stream_server.listen(run) as alice:
            heard = await alice.rest()
    assert [frame["type"] for frame in heard] == ["status", "log", "log", "log", "end"]
    assert [frame["result"] for frame in (heard[0], heard[-1])] == [WITHHELD, WITHHELD]
    assert [heard[2]["log"][name] for name in ("tool_name", "thought", "observation")] == ["Bash", None, WITHHELD]


async def test_a_multi_run_that_takes_too_long_to_write_is_withheld(tmp_path: Path) -> None:
    async with stream_server_at(tmp_path, text_limit=0.0) as stream_server:
        headers = {"Authorization": f"Bearer {ALICE}"}
        body = {"prompt": "Fix it.", "concurrency": 1}
        stream_server.codegen.script(run_seconds=None)
        async with stream_server.http.post(
            f"{stream_server.url}/organizations/1/multi-run", json=body, headers=headers
        ) as answer:
            identity = (await answer.json())["id"]
        await stream_server.codegen.run_created(1)
        stream_server.codegen.finish(1, result=LONG)
        async with await stream_server.open(f"/organizations/1/multi-run/{identity}/stream") as alice:
            heard = await alice.rest()
    assert heard[-2]["status"] | {"id": ""} == {
        "id": "",
        "status": "completed",
        "message": WITHHELD,
        "final": WITHHELD,
        "candidates": [],
        "agent_runs": [],
    }
    assert heard[-1] == {"type": "end", "status": "completed", "result": WITHHELD}
