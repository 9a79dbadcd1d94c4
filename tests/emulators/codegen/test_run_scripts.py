"""How runs proceed: with time, by script, or by hand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.emulators.codegen import CodegenEmulator
from tests.emulators.codegen.conftest import PACE
from tests.harness.clock import Clock

AGENT = "/v1/organizations/1/agent"


async def start(http: httpx.AsyncClient, prompt: str = "Fix the flaky test") -> Any:
    answer = await http.post(f"{AGENT}/run", json={"prompt": prompt})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def seen(http: httpx.AsyncClient, run_id: int = 1) -> Any:
    return (await http.get(f"{AGENT}/run/{run_id}")).json()


async def log_of(http: httpx.AsyncClient, run_id: int = 1) -> Any:
    return (await http.get(f"/v1/alpha/organizations/1/agent/run/{run_id}/logs")).json()["logs"]


async def script(http: httpx.AsyncClient, **values: Any) -> None:
    answer = await http.post("/_emulator/run-scripts", json=values)
    assert answer.status_code == 201, answer.text


async def statuses_of(http: httpx.AsyncClient, clock: Clock, *, steps: int = 12, timing: float = PACE) -> list[str]:
    """The statuses that a run shows in sequence."""
    statuses: list[str] = []
    for _ in range(steps):
        status = (await seen(http))["status"]
        if status not in statuses[-1:]:
            statuses.append(status)
        clock.advance(timing / 10)
    return statuses


async def test_run_proceeds_with_time(http: httpx.AsyncClient, clock: Clock) -> None:
    await start(http)
    assert await statuses_of(http, clock) == ["PENDING", "RUNNING", "EVALUATION", "COMPLETE"]
    assert (await seen(http))["result"]


async def test_run_waits_for_the_clock(http: httpx.AsyncClient) -> None:
    created = await start(http)
    assert await seen(http) == created


@pytest.mark.parametrize(
    ("outcome", "last"),
    [
        ("success", "COMPLETE"),
        ("failure", "FAILED"),
        ("error", "ERROR"),
        ("cancelled", "CANCELLED"),
        ("timeout", "TIMEOUT"),
        ("out-of-tokens", "OUT_OF_TOKENS"),
        ("max-iterations", "MAX_ITERATIONS_REACHED"),
    ],
)
async def test_outcome_sets_the_last_status(http: httpx.AsyncClient, clock: Clock, outcome: str, last: str) -> None:
    await script(http, outcome=outcome)
    await start(http)
    clock.advance(PACE)
    assert (await seen(http))["status"] == last
    assert (await log_of(http))[-1]["message_type"] == ("FINAL_ANSWER" if outcome == "success" else "ERROR")


async def test_outcome_unknown_status(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="unknown-status")
    await start(http)
    assert await statuses_of(http, clock) == ["PENDING", "THINKING_VERY_HARD", "COMPLETE"]


async def test_outcome_slow_takes_five_times_as_long(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="slow")
    await start(http)
    clock.advance(PACE * 4.9)
    assert (await seen(http))["status"] == "EVALUATION"
    clock.advance(PACE * 0.1)
    assert (await seen(http))["status"] == "COMPLETE"


async def test_outcome_stuck_never_ends(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="stuck")
    await start(http)
    clock.advance(1_000_000)
    run = await seen(http)
    assert (run["status"], run["result"]) == ("RUNNING", None)


async def test_log_grows_with_the_run(http: httpx.AsyncClient, clock: Clock) -> None:
    await start(http)
    lengths = []
    for _ in range(11):
        lengths.append(len(await log_of(http)))
        clock.advance(PACE / 10)
    assert lengths[0] == 1
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 3
    entries = await log_of(http)
    assert [entries[0]["message_type"], entries[-1]["message_type"]] == ["USER_MESSAGE", "FINAL_ANSWER"]
    assert [entry["created_at"] for entry in entries] == sorted(entry["created_at"] for entry in entries)


async def test_ended_run_stays_as_it_is(http: httpx.AsyncClient, clock: Clock) -> None:
    """Not even one whose last status is unknown."""
    await script(http, statuses=["PENDING", "HAPPY"])
    await start(http)
    clock.advance(PACE)
    run, entries = await seen(http), await log_of(http)
    clock.advance(PACE)
    assert (await seen(http), await log_of(http)) == (run, entries)


async def test_script_sets_every_part(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(
        http,
        run_seconds=10,
        statuses=["queued", "in_progress", "completed"],
        result="The test no longer races.",
        summary="Waits for the server.",
        pull_request="octo/shop#12",
        logs=[{"thought": "Look.", "observation": {"lines": 3}}, {"tool_name": "edit_file", "thought": "Change."}],
        times=2,
    )
    for run_id in (1, 2):
        await start(http, "Fix\nthe flaky test")
        clock.advance(4)
        assert (await seen(http, run_id))["github_pull_requests"] == []
        clock.advance(6)
        run = await seen(http, run_id)
        assert (run["status"], run["result"]) == ("completed", "The test no longer races.")
        assert run["summary"] == "Waits for the server."
        (pull_request,) = run["github_pull_requests"]
        assert pull_request["url"] == "https://github.com/octo/shop/pull/12"
        assert pull_request["title"] == "Fix"
        log = await log_of(http, run_id)
        assert [entry["thought"] for entry in log] == [None, "Look.", "Change.", None]
        assert log[-1]["observation"] == "The test no longer races."
    await start(http)
    assert (await seen(http, 3))["status"] == "PENDING"


async def test_scripts_are_listed_and_deleted(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="failure")
    await script(http, outcome="stuck", times=2)
    listed = (await http.get("/_emulator/run-scripts")).json()
    assert [(script["outcome"], script["times"]) for script in listed] == [("failure", 1), ("stuck", 2)]
    await http.delete("/_emulator/run-scripts")
    await start(http)
    clock.advance(PACE)
    assert (await seen(http))["status"] == "COMPLETE"


@pytest.mark.parametrize(
    "values",
    [
        {"outcome": "triumph"},
        {"run_seconds": -1},
        {"statuses": []},
        {"pull_request": "12"},
        {"times": 0},
        {"logs": [{"thougt": "a typing mistake"}]},
        {"logs": [{"observation": 3}]},
        {"puce": 2},
    ],
)
async def test_script_invalid_is_refused(http: httpx.AsyncClient, values: dict[str, Any]) -> None:
    assert (await http.post("/_emulator/run-scripts", json=values)).status_code == 422
    assert (await http.get("/_emulator/run-scripts")).json() == []


async def test_outcome_quota_refuses_creation_only(http: httpx.AsyncClient) -> None:
    """Other operations leave the refusal to the next creation."""
    await start(http)
    await script(http, outcome="quota", times=2)
    assert (await http.post(f"{AGENT}/run/resume", json={"agent_run_id": 1, "prompt": "More"})).status_code == 200
    for _ in range(2):
        answer = await http.post(f"{AGENT}/run", json={"prompt": "Fix it"})
        assert answer.status_code == 402
        assert "limit" in answer.json()["message"]
    assert (await start(http))["id"] == 2


async def test_resume_shows_the_old_end_for_a_moment(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, result="The first answer.")
    await start(http)
    clock.advance(PACE)
    ended = await seen(http)
    await script(http, result="The second answer.")
    answer = await http.post(f"{AGENT}/run/resume", json={"agent_run_id": 1, "prompt": "Now the docs"})
    assert answer.json() == ended
    clock.advance(PACE * 0.04)
    assert await seen(http) == ended
    clock.advance(PACE * 0.02)
    assert (await seen(http))["status"] in {"PENDING", "RUNNING"}
    clock.advance(PACE * 0.94)
    run = await seen(http)
    assert (run["status"], run["result"]) == ("COMPLETE", "The second answer.")
    prompts = [each["observation"] for each in await log_of(http) if each["message_type"] == "USER_MESSAGE"]
    assert prompts == ["Fix the flaky test", "Now the docs"]


async def test_control_changes_a_run(emulator: CodegenEmulator, http: httpx.AsyncClient, clock: Clock) -> None:
    """From then on it changes only by hand."""
    await start(http)
    moved = await http.post("/_emulator/runs/1", json={"status": "EVALUATION", "pull_request": "octo/shop#12"})
    assert moved.json()["status"] == "EVALUATION"
    clock.advance(PACE * 2)
    run = await seen(http)
    assert (run["status"], len(run["github_pull_requests"])) == ("EVALUATION", 1)
    ending = {"status": "FAILED", "result": "No.", "summary": "Nothing done.", "pull_request": "octo/shop#12"}
    await http.post("/_emulator/runs/1", json=ending)
    run = await seen(http)
    assert (run["status"], run["result"], run["summary"]) == ("FAILED", "No.", "Nothing done.")
    assert len(run["github_pull_requests"]) == 1
    assert (await http.post("/_emulator/runs/9", json={"status": "FAILED"})).status_code == 404
    assert (await http.post("/_emulator/runs/1", json={"state": "FAILED"})).status_code == 422


async def test_without_run_seconds_runs_change_by_hand(clock: Clock) -> None:
    async with (
        CodegenEmulator(run_seconds=None, clock=clock) as emulator,
        httpx.AsyncClient(base_url=emulator.url, headers={"authorization": "Bearer sk-org1"}) as http,
    ):
        await start(http, "")
        clock.advance(1_000_000)
        assert (await seen(http))["status"] == "PENDING"
        emulator.add_log(1, thought="I look around.")
        emulator.open_pull_request(1, "octo/shop#12")
        emulator.finish(1, result="Done.")
        run = await seen(http)
        assert (run["status"], run["github_pull_requests"][0]["title"]) == ("COMPLETE", "A change")
        await http.post(f"{AGENT}/run/resume", json={"agent_run_id": 1, "prompt": "More"})
        assert (await seen(http))["status"] == "RUNNING"
        emulator.fail(1, result="No.")
        assert (await seen(http))["status"] == "FAILED"
