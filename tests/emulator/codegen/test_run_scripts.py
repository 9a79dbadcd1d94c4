"""What becomes of a run: by itself as time passes, as it was scripted, or moved by hand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.emulator.codegen import CodegenEmulator
from tests.codegen.clock import Clock
from tests.emulator.codegen.conftest import PACE

AGENT = "/v1/organizations/1/agent"


async def start(http: httpx.AsyncClient, prompt: str = "Fix the flaky test") -> Any:
    answer = await http.post(f"{AGENT}/run", json={"prompt": prompt})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def seen(http: httpx.AsyncClient, run_id: int = 1) -> Any:
    return (await http.get(f"{AGENT}/run/{run_id}")).json()


async def log_of(http: httpx.AsyncClient, run_id: int = 1) -> Any:
    return (await http.get(f"/v1/alpha/organizations/1/agent/run/{run_id}/logs")).json()["logs"]


async def script(http: httpx.AsyncClient, **course: Any) -> None:
    answer = await http.post("/_emulator/courses", json=course)
    assert answer.status_code == 201, answer.text


async def course_of(http: httpx.AsyncClient, clock: Clock, *, steps: int = 12, timing: float = PACE) -> list[str]:
    """The statuses that a run shows, one after the other, looked at often enough to miss none."""
    statuses: list[str] = []
    for _ in range(steps):
        status = (await seen(http))["status"]
        if status not in statuses[-1:]:
            statuses.append(status)
        clock.passes(timing / 10)
    return statuses


async def test_a_run_goes_its_way_as_time_passes(http: httpx.AsyncClient, clock: Clock) -> None:
    await start(http)
    assert await course_of(http, clock) == ["PENDING", "RUNNING", "EVALUATION", "COMPLETE"]
    assert (await seen(http))["result"]


async def test_a_run_stands_still_while_time_does(http: httpx.AsyncClient) -> None:
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
async def test_an_outcome_is_how_a_run_ends(http: httpx.AsyncClient, clock: Clock, outcome: str, last: str) -> None:
    await script(http, outcome=outcome)
    await start(http)
    clock.passes(PACE)
    assert (await seen(http))["status"] == last
    assert (await log_of(http))[-1]["message_type"] == ("FINAL_ANSWER" if outcome == "success" else "ERROR")


async def test_a_status_that_nobody_knows_comes_on_the_way(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="unknown-status")
    await start(http)
    assert await course_of(http, clock) == ["PENDING", "THINKING_VERY_HARD", "COMPLETE"]


async def test_a_slow_run_takes_five_times_as_long(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="slow")
    await start(http)
    clock.passes(PACE * 4.9)
    assert (await seen(http))["status"] == "EVALUATION"
    clock.passes(PACE * 0.1)
    assert (await seen(http))["status"] == "COMPLETE"


async def test_a_stuck_run_never_ends(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="stuck")
    await start(http)
    clock.passes(1_000_000)
    run = await seen(http)
    assert (run["status"], run["result"]) == ("RUNNING", None)


async def test_the_log_grows_while_a_run_works(http: httpx.AsyncClient, clock: Clock) -> None:
    await start(http)
    lengths = []
    for _ in range(11):
        lengths.append(len(await log_of(http)))
        clock.passes(PACE / 10)
    assert lengths[0] == 1
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 3
    entries = await log_of(http)
    assert [entries[0]["message_type"], entries[-1]["message_type"]] == ["USER_MESSAGE", "FINAL_ANSWER"]
    assert [entry["created_at"] for entry in entries] == sorted(entry["created_at"] for entry in entries)


async def test_an_ended_run_changes_no_more(http: httpx.AsyncClient, clock: Clock) -> None:
    """Not even one whose last status nobody knows to be an end."""
    await script(http, statuses=["PENDING", "HAPPY"])
    await start(http)
    clock.passes(PACE)
    run, entries = await seen(http), await log_of(http)
    clock.passes(PACE)
    assert (await seen(http), await log_of(http)) == (run, entries)


async def test_every_part_of_a_course_can_be_scripted(http: httpx.AsyncClient, clock: Clock) -> None:
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
        clock.passes(4)
        assert (await seen(http, run_id))["github_pull_requests"] == []
        clock.passes(6)
        run = await seen(http, run_id)
        assert (run["status"], run["result"]) == ("completed", "The test no longer races.")
        assert run["summary"] == "Waits for the server."
        (pull_request,) = run["github_pull_requests"]
        assert pull_request["url"] == "https://github.com/octo/shop/pull/12"
        assert pull_request["title"] == "Fix"
        thoughts = [entry["thought"] for entry in await log_of(http, run_id)]
        assert thoughts == [None, "Look.", "Change.", "The test no longer races."]
    await start(http)
    assert (await seen(http, 3))["status"] == "PENDING"


async def test_courses_are_listed_and_forgotten(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, outcome="failure")
    await script(http, outcome="stuck", times=2)
    listed = (await http.get("/_emulator/courses")).json()
    assert [(course["outcome"], course["times"]) for course in listed] == [("failure", 1), ("stuck", 2)]
    await http.delete("/_emulator/courses")
    await start(http)
    clock.passes(PACE)
    assert (await seen(http))["status"] == "COMPLETE"


@pytest.mark.parametrize(
    "course",
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
async def test_what_is_no_course_is_refused(http: httpx.AsyncClient, course: dict[str, Any]) -> None:
    assert (await http.post("/_emulator/courses", json=course)).status_code == 422
    assert (await http.get("/_emulator/courses")).json() == []


async def test_used_up_runs_refuse_creation_and_nothing_else(http: httpx.AsyncClient) -> None:
    """What creates no run of its own by that operation leaves the refusal to the next creation."""
    await start(http)
    await script(http, outcome="quota", times=2)
    assert (await http.post(f"{AGENT}/run/resume", json={"agent_run_id": 1, "prompt": "More"})).status_code == 200
    for _ in range(2):
        answer = await http.post(f"{AGENT}/run", json={"prompt": "Fix it"})
        assert answer.status_code == 402
        assert "limit" in answer.json()["message"]
    assert (await start(http))["id"] == 2


async def test_a_resumed_run_shows_its_old_ending_for_a_moment(http: httpx.AsyncClient, clock: Clock) -> None:
    await script(http, result="The first answer.")
    await start(http)
    clock.passes(PACE)
    ended = await seen(http)
    await script(http, result="The second answer.")
    answer = await http.post(f"{AGENT}/run/resume", json={"agent_run_id": 1, "prompt": "Now the docs"})
    assert answer.json() == ended
    clock.passes(PACE * 0.04)
    assert await seen(http) == ended
    clock.passes(PACE * 0.02)
    assert (await seen(http))["status"] in {"PENDING", "RUNNING"}
    clock.passes(PACE * 0.94)
    run = await seen(http)
    assert (run["status"], run["result"]) == ("COMPLETE", "The second answer.")
    prompts = [each["observation"] for each in await log_of(http) if each["message_type"] == "USER_MESSAGE"]
    assert prompts == ["Fix the flaky test", "Now the docs"]


async def test_a_run_is_moved_by_hand(codegen: CodegenEmulator, http: httpx.AsyncClient, clock: Clock) -> None:
    """From then on it moves no more by itself."""
    await start(http)
    moved = await http.post("/_emulator/runs/1", json={"status": "EVALUATION", "pull_request": "octo/shop#12"})
    assert moved.json()["status"] == "EVALUATION"
    clock.passes(PACE * 2)
    run = await seen(http)
    assert (run["status"], len(run["github_pull_requests"])) == ("EVALUATION", 1)
    ending = {"status": "FAILED", "result": "No.", "summary": "Nothing done.", "pull_request": "octo/shop#12"}
    await http.post("/_emulator/runs/1", json=ending)
    run = await seen(http)
    assert (run["status"], run["result"], run["summary"]) == ("FAILED", "No.", "Nothing done.")
    assert len(run["github_pull_requests"]) == 1
    assert (await http.post("/_emulator/runs/9", json={"status": "FAILED"})).status_code == 404
    assert (await http.post("/_emulator/runs/1", json={"state": "FAILED"})).status_code == 422


async def test_without_a_pace_runs_move_by_hand_only(clock: Clock) -> None:
    async with (
        CodegenEmulator(run_seconds=None, clock=clock) as codegen,
        httpx.AsyncClient(base_url=codegen.url, headers={"authorization": "Bearer sk-org1"}) as http,
    ):
        await start(http, "")
        clock.passes(1_000_000)
        assert (await seen(http))["status"] == "PENDING"
        codegen.add_log(1, thought="I look around.")
        codegen.open_pull_request(1, "octo/shop#12")
        codegen.finish(1, result="Done.")
        run = await seen(http)
        assert (run["status"], run["github_pull_requests"][0]["title"]) == ("COMPLETE", "A change")
        await http.post(f"{AGENT}/run/resume", json={"agent_run_id": 1, "prompt": "More"})
        assert (await seen(http))["status"] == "RUNNING"
        codegen.fail(1, result="No.")
        assert (await seen(http))["status"] == "FAILED"
