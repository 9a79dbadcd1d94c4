"""Control of the Codegen emulator: faults, the journal, waiting, a reset."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bot.emulators.codegen import CONTROL_HELP, CodegenEmulator
from tests.harness import TIMEOUT
from tests.harness.clock import Clock

RUN = "/v1/organizations/1/agent/run"
USERS = "/v1/organizations/1/users"


async def fault(http: httpx.AsyncClient, **values: Any) -> None:
    answer = await http.post("/_emulator/faults", json=values)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("status", [500, 502, 503, 418])
async def test_fault_status_replaces_the_work(emulator: CodegenEmulator, http: httpx.AsyncClient, status: int) -> None:
    await fault(http, path="/agent/run$", method="POST", status=status, headers={"Retry-After": "7"}, times=2)
    for _ in range(2):
        answer = await http.post(RUN, json={"prompt": "Hello"})
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert not emulator.runs
    assert (await http.get(USERS)).status_code == 200
    assert (await http.post(RUN, json={"prompt": "Hello"})).status_code == 200


async def test_fault_drop_closes_the_connection(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    await fault(http, action="drop")
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(RUN, json={"prompt": "Hello"})
    assert not emulator.runs


@pytest.mark.parametrize("action", ["drop", "status"])
async def test_fault_after_work_has_done_the_work(
    emulator: CodegenEmulator, http: httpx.AsyncClient, action: str
) -> None:
    await fault(http, action=action, after_work=True)
    try:
        assert (await http.post(RUN, json={"prompt": "Hello"})).status_code == 500
    except httpx.RemoteProtocolError:
        assert action == "drop"
    assert emulator.runs[1].prompt == "Hello"


async def test_fault_truncate_cuts_the_response(http: httpx.AsyncClient) -> None:
    await fault(http, action="truncate")
    answer = await http.get(USERS)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


async def test_fault_hang_delays_the_response(http: httpx.AsyncClient) -> None:
    await fault(http, action="hang", delay=0.3)
    with pytest.raises(httpx.ReadTimeout):
        await http.get(USERS, timeout=httpx.Timeout(TIMEOUT, read=0.05))


async def test_faults_are_listed_and_deleted(http: httpx.AsyncClient) -> None:
    await fault(http, path="/users", times=None)
    assert [each["path"] for each in (await http.get("/_emulator/faults")).json()] == ["/users"]
    for _ in range(3):
        assert (await http.get(USERS)).status_code == 500
    await http.delete("/_emulator/faults")
    assert (await http.get(USERS)).status_code == 200
    assert (await http.post("/_emulator/faults", json={"action": "explode"})).status_code == 422


async def test_journal_records_caller_request_and_time(http: httpx.AsyncClient) -> None:
    await http.post(RUN, json={"prompt": "Hello"})
    await http.get(USERS, params={"limit": 2}, headers={"authorization": "Bearer sk-org2-heidi"})
    await http.get("/v2/nothing")
    entries = (await http.get("/_emulator/requests")).json()
    assert [(each["method"], each["path"], each["status"]) for each in entries] == [
        ("POST", RUN, 200),
        ("GET", USERS, 403),
        ("GET", "/v2/nothing", 404),
    ]
    assert [each["actor"] for each in entries] == ["alice", "heidi", None]
    assert [each["routed"] for each in entries] == [True, True, False]
    assert entries[0]["body"] == {"prompt": "Hello"}
    assert entries[1]["query"] == {"limit": "2"}
    assert 0 <= entries[0]["at"] <= entries[1]["at"] <= entries[2]["at"]
    assert "sk-" not in str(entries)
    await http.delete("/_emulator/requests")
    assert (await http.get("/_emulator/requests")).json() == []


async def test_journal_records_dropped_requests(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    await fault(http, action="drop")
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get(USERS)
    (entry,) = emulator.control.journal
    assert (entry.status, entry.fault) == (None, "drop")


async def test_unknown_address_responds_with_json(http: httpx.AsyncClient) -> None:
    for method, path, status in (("GET", "/v2/nothing", 404), ("DELETE", "/v1/users/me", 405)):
        answer = await http.request(method, path)
        assert answer.status_code == status
        assert answer.json()["detail"]


async def test_reset_restores_the_initial_state(http: httpx.AsyncClient) -> None:
    settings = "/v1/organizations/1/repos/check-suite-settings?repo_id=101"
    before = (await http.get(settings)).json()
    await http.put(settings, json={"check_retry_count": 9})
    for _ in range(10):
        await http.post(RUN, json={"prompt": "Hello"})
    assert (await http.post(RUN, json={"prompt": "Hello"})).status_code == 429
    await http.post("/_emulator/run-scripts", json={"outcome": "quota"})
    await fault(http, path="/users")

    assert (await http.post("/_emulator/reset")).status_code == 204

    for name in ("runs", "run-scripts", "faults", "requests"):
        assert (await http.get(f"/_emulator/{name}")).json() == []
    assert (await http.get(settings)).json() == before
    assert (await http.post(RUN, json={"prompt": "Hello"})).json()["id"] == 1


async def test_control_shows_a_run_with_its_request(http: httpx.AsyncClient) -> None:
    asked = {
        "prompt": "Hello",
        "images": ["data:image/png;base64,AA=="],
        "metadata": {"codegen_bot": {"identity": "c-1"}},
        "repo_id": 101,
        "model": "fast",
        "agent_type": "claude_code",
    }
    await http.post(RUN, json=asked)
    run = (await http.get("/_emulator/runs/1")).json()
    assert run["prompts"] == ["Hello"]
    assert {name: run[name] for name in asked if name != "prompt"} == {k: v for k, v in asked.items() if k != "prompt"}
    assert [each["id"] for each in (await http.get("/_emulator/runs")).json()] == [1]
    assert (await http.get("/_emulator/runs/2")).status_code == 404


async def test_run_created_waits_for_the_run(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(emulator.run_created(1))
    await http.post(RUN, json={"prompt": "Hello"})
    assert (await waiting).prompt == "Hello"


async def test_limits_can_be_disabled(clock: Clock) -> None:
    async with (
        CodegenEmulator(limits=False, clock=clock) as emulator,
        httpx.AsyncClient(base_url=emulator.url, headers={"authorization": "Bearer sk-org1"}) as http,
    ):
        for _ in range(12):
            assert (await http.post(RUN, json={"prompt": "Hello"})).status_code == 200


def test_help_names_every_control(emulator: CodegenEmulator) -> None:
    for route in emulator.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith("/_emulator/") and route.method != "HEAD":
            assert path.removeprefix("/_emulator/").partition("/")[0] in CONTROL_HELP
            assert route.method in CONTROL_HELP
