"""What is streamed is written off the loop; what was not searched for secrets in time is not sent."""

from __future__ import annotations

from pathlib import Path

from bot.web.api.streams.writing import WITHHELD
from tests.web.streams.house import ALICE, house_at

LONG = "and so on " * 1_000


async def test_long_texts_that_are_written_in_time(tmp_path: Path) -> None:
    async with house_at(tmp_path, text_limit=60.0) as house:
        run = house.begin()
        house.codegen.add_log(run, thought=LONG)
        house.codegen.finish(run, result=f"{LONG} ghp_{'a1' * 20}")
        async with await house.listen(run) as alice:
            heard = await alice.rest()
    assert [frame["type"] for frame in heard] == ["status", "log", "log", "log", "end"]
    assert heard[2]["log"]["thought"] == LONG
    assert heard[0]["result"] == heard[-1]["result"] == f"{LONG} [redacted]"


async def test_long_texts_that_take_too_long_are_withheld(tmp_path: Path) -> None:
    async with house_at(tmp_path, text_limit=0.0) as house:
        run = house.begin()
        house.codegen.add_log(run, thought=LONG, tool_name="Bash")
        house.codegen.finish(run, result=LONG)
        async with await house.listen(run) as alice:
            heard = await alice.rest()
    assert [frame["type"] for frame in heard] == ["status", "log", "log", "log", "end"]
    assert [frame["result"] for frame in (heard[0], heard[-1])] == [WITHHELD, WITHHELD]
    assert [heard[2]["log"][name] for name in ("tool_name", "thought", "observation")] == ["Bash", None, WITHHELD]


async def test_a_multi_run_that_takes_too_long_to_write_is_withheld(tmp_path: Path) -> None:
    async with house_at(tmp_path, text_limit=0.0) as house:
        headers = {"Authorization": f"Bearer {ALICE}"}
        body = {"prompt": "Fix it.", "concurrency": 1}
        house.codegen.script(run_seconds=None)
        async with house.http.post(f"{house.url}/organizations/1/multi-run", json=body, headers=headers) as answer:
            identity = (await answer.json())["id"]
        await house.codegen.run_created(1)
        house.codegen.finish(1, result=LONG)
        async with await house.open(f"/organizations/1/multi-run/{identity}/stream") as alice:
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
