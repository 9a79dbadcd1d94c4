"""How the operations work together."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.emulators.codegen import CodegenEmulator
from tests.emulators.codegen.conftest import PACE
from tests.harness.clock import Clock

ORG = "/v1/organizations/1"
AGENT = f"{ORG}/agent"
LOGS = "/v1/alpha/organizations/1/agent/run/1/logs"
HEIDI = {"authorization": "Bearer sk-org2-heidi"}
BOTH = {"authorization": "Bearer sk-both"}


async def start(http: httpx.AsyncClient, prompt: str = "Fix the flaky test", **given: Any) -> int:
    answer = await http.post(f"{AGENT}/run", json={"prompt": prompt, **given})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


async def listed(http: httpx.AsyncClient, **query: Any) -> list[int]:
    return [run["id"] for run in (await http.get(f"{AGENT}/runs", params=query)).json()["items"]]


# Runs


async def test_runs_are_listed_newest_first_in_pages(http: httpx.AsyncClient) -> None:
    for _ in range(5):
        await start(http)
    assert await listed(http) == [5, 4, 3, 2, 1]
    assert await listed(http, limit=2) == [5, 4]
    assert await listed(http, skip=2, limit=2) == [3, 2]
    assert await listed(http, skip=9) == []
    page = (await http.get(f"{AGENT}/runs", params={"skip": 4, "limit": 2})).json()
    assert (page["total"], page["page"], page["size"], page["pages"]) == (5, 3, 2, 3)


async def test_runs_are_filtered_by_user_and_source(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    await start(http)
    emulator.start_elsewhere("Somewhere else")
    await http.post(f"{ORG}/setup-commands/generate", json={"repo_id": 101})
    assert await listed(http, source_type="API") == [1]
    assert await listed(http, source_type="SETUP_COMMANDS") == [3]
    assert await listed(http, source_type="SLACK") == []
    assert await listed(http, user_id=1) == [3, 2, 1]
    assert await listed(http, user_id=2) == []
    assert await listed(http, user_id=1, source_type="CHAT") == [2]


async def test_run_belongs_to_the_tokens_owner(http: httpx.AsyncClient) -> None:
    """`/users/me` returns the id by which the list can be filtered."""
    for headers, me in ((HEIDI, 4), (BOTH, 1)):
        await http.post("/v1/organizations/2/agent/run", json={"prompt": "Hello"}, headers=headers)
        assert (await http.get("/v1/users/me", headers=headers)).json()["id"] == me
        page = await http.get("/v1/organizations/2/agent/runs", params={"user_id": me}, headers=headers)
        assert page.json()["total"] == 1


async def test_runs_are_separate_by_organization(http: httpx.AsyncClient) -> None:
    await start(http)
    other = "/v1/organizations/2"
    assert (await http.get(f"{other}/agent/runs", headers=BOTH)).json()["total"] == 0
    assert (await http.get(f"{other}/agent/run/1", headers=BOTH)).status_code == 404
    for name in ("resume", "ban", "unban", "remove-from-pr"):
        body = {"agent_run_id": 1, "prompt": "Hello"}
        assert (await http.post(f"{other}/agent/run/{name}", json=body, headers=BOTH)).status_code == 404
    body = {"prompt": "Hello", "repo_id": 101}
    assert (await http.post(f"{other}/agent/run", json=body, headers=BOTH)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"prompt": 7},
        {"prompt": "Hello", "agent_type": "gpt"},
        {"prompt": "Hello", "repo_id": "octo/shop"},
        {"prompt": "Hello", "metadata": "alice"},
        {"prompt": "Hello", "images": "data:"},
    ],
)
async def test_create_run_invalid_is_refused(emulator: CodegenEmulator, http: httpx.AsyncClient, body: Any) -> None:
    answer = await http.post(f"{AGENT}/run", json=body)
    assert answer.status_code == 422
    assert all(problem["loc"][0] == "body" and problem["msg"] for problem in answer.json()["detail"])
    assert not emulator.runs


async def test_create_run_without_json_is_refused(http: httpx.AsyncClient) -> None:
    for content in (b"{", b"\xff", b"", b"prompt=Hello"):
        assert (await http.post(f"{AGENT}/run", content=content)).status_code == 422


# Logs


async def test_logs_are_paged_from_either_end(http: httpx.AsyncClient, clock: Clock) -> None:
    await start(http)
    clock.advance(PACE)
    whole = (await http.get(LOGS)).json()
    assert (await http.get(LOGS.replace("/alpha", ""))).json() == whole
    assert (whole["status"], whole["total_logs"], whole["pages"]) == ("COMPLETE", 7, 1)
    part = (await http.get(LOGS, params={"skip": 2, "limit": 2})).json()
    assert part["logs"] == whole["logs"][2:4]
    assert (part["total_logs"], part["page"], part["size"], part["pages"]) == (7, 2, 2, 4)
    newest = (await http.get(LOGS, params={"limit": 3, "reverse": "true"})).json()
    assert newest["logs"] == whole["logs"][:-4:-1]


# Pull requests


async def with_pull_request(emulator: CodegenEmulator, http: httpx.AsyncClient, name: str = "octo/shop#12") -> int:
    run = await start(http)
    emulator.open_pull_request(run, name)
    return run


def states(emulator: CodegenEmulator) -> list[tuple[str, list[str]]]:
    return [(run.status, sorted(run.flags)) for run in emulator.runs.values()]


@pytest.mark.parametrize(("name", "flag"), [("ban", "banned"), ("remove-from-pr", "removed")])
async def test_ban_stops_all_agents_of_the_pull_request(
    emulator: CodegenEmulator, http: httpx.AsyncClient, name: str, flag: str
) -> None:
    """Those of other pull requests continue."""
    for pull_request in ("octo/shop#12", "octo/shop#12", "octo/shop#13"):
        await with_pull_request(emulator, http, pull_request)
    assert (await http.post(f"{AGENT}/run/{name}", json={"agent_run_id": 1})).status_code == 200
    assert states(emulator) == [("STOPPED", [flag]), ("STOPPED", [flag]), ("PENDING", [])]

    assert (await http.post(f"{AGENT}/run/unban", json={"agent_run_id": 2})).status_code == 200
    assert states(emulator) == [("STOPPED", []), ("STOPPED", []), ("PENDING", [])]


async def test_ban_spares_other_organizations(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    await with_pull_request(emulator, http)
    other = emulator.start_elsewhere("Hello", org_id=2)
    emulator.open_pull_request(other.id, "octo/shop#12")
    await http.post(f"{AGENT}/run/ban", json={"agent_run_id": 1})
    assert states(emulator) == [("STOPPED", ["banned"]), ("PENDING", [])]


async def test_ban_without_pull_request_stops_nothing(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    await start(http)
    assert (await http.post(f"{AGENT}/run/ban", json={"agent_run_id": 1})).status_code == 200
    assert states(emulator) == [("PENDING", ["banned"])]


async def test_ban_keeps_the_status_of_ended_runs(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    await with_pull_request(emulator, http)
    emulator.finish(1)
    await http.post(f"{AGENT}/run/ban", json={"agent_run_id": 1})
    assert states(emulator) == [("COMPLETE", ["banned"])]


async def test_edit_pull_request_takes_codegens_id(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    await with_pull_request(emulator, http)
    number = emulator.runs[1].pull_requests[0]["id"]
    for path in (f"{ORG}/prs/{number}", f"{ORG}/repos/101/prs/{number}"):
        answer = (await http.patch(path, json={"state": "ready_for_review"})).json()
        assert (answer["success"], answer["number"], answer["state"]) == (True, 12, "ready_for_review")
    unknown = (await http.patch(f"{ORG}/prs/12", json={"state": "open"})).json()
    assert unknown["success"] is False
    assert "12" in unknown["error"]
    assert (await http.patch(f"{ORG}/prs/{number}", json={"state": "merged"})).status_code == 422


# Other operations


async def test_check_suite_settings_are_stored(http: httpx.AsyncClient) -> None:
    path = f"{ORG}/repos/check-suite-settings"
    before = (await http.get(path, params={"repo_id": 101})).json()
    change = {"check_retry_count": 5, "ignored_checks": ["lint"], "custom_prompts": None}
    assert (await http.put(path, params={"repo_id": 101}, json=change)).status_code == 200
    after = (await http.get(path, params={"repo_id": 101})).json()
    assert after == {**before, "check_retry_count": 5, "ignored_checks": ["lint"]}
    assert (await http.get(path, params={"repo_id": 102})).json() == before
    for wrong in ({"check_retry_count": 11}, {"check_retry_count": -1}, {"ignored_checks": "lint"}):
        assert (await http.put(path, params={"repo_id": 101}, json=wrong)).status_code == 422
    for repo_id in (201, 999):
        assert (await http.get(path, params={"repo_id": repo_id})).status_code == 404


async def test_setup_commands_and_analyses_start_runs(http: httpx.AsyncClient) -> None:
    body = {"repo_id": 101, "prompt": "Use uv"}
    commands = (await http.post(f"{ORG}/setup-commands/generate", json=body)).json()
    assert (commands["agent_run_id"], commands["url"]) == (1, "https://codegen.com/agent/trace/1")
    analysis = (await http.post(f"{ORG}/sandbox/7/analyze-logs")).json()
    assert analysis["agent_run_id"] == 2
    assert await listed(http) == [2, 1]
    unknown = await http.post(f"{ORG}/setup-commands/generate", json={"repo_id": 201})
    assert unknown.status_code == 404


async def test_users_and_repositories_by_organization(http: httpx.AsyncClient) -> None:
    users = [user["github_username"] for user in (await http.get(f"{ORG}/users")).json()["items"]]
    assert users == ["alice", "bob", "carol"]
    assert (await http.get(f"{ORG}/users/4")).status_code == 404
    assert (await http.get("/v1/organizations/2/users/4", headers=HEIDI)).json()["github_username"] == "heidi"
    repositories = [(repo["id"], repo["full_name"]) for repo in (await http.get(f"{ORG}/repos")).json()["items"]]
    assert repositories == [(101, "octo/shop"), (102, "octo/docs")]


# Limits


async def test_rate_limit_slides_for_each_token(http: httpx.AsyncClient, clock: Clock) -> None:
    statuses = []
    for _ in range(12):
        statuses.append((await http.post(f"{AGENT}/run", json={"prompt": "Hello"})).status_code)
        clock.advance(1)
    assert statuses == [200] * 10 + [429] * 2
    other = {"authorization": "Bearer sk-org1-bob"}
    assert (await http.post(f"{AGENT}/run", json={"prompt": "Hello"}, headers=other)).status_code == 200
    clock.advance(0.5)
    refused = await http.post(f"{AGENT}/run", json={"prompt": "Hello"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "48")
    clock.advance(47.5)
    assert (await http.post(f"{AGENT}/run", json={"prompt": "Hello"})).status_code == 200
    refused = await http.post(f"{AGENT}/run", json={"prompt": "Hello"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert (await http.get(f"{ORG}/users")).status_code == 200


async def test_rate_limit_of_reads_excludes_logs(http: httpx.AsyncClient) -> None:
    await start(http)
    for path in (f"{AGENT}/runs", f"{AGENT}/run/1", f"{ORG}/repos", "/v1/users/me"):
        for _ in range(15):
            assert (await http.get(path)).status_code == 200
    assert (await http.get(f"{ORG}/integrations")).status_code == 429
    assert (await http.get(LOGS)).status_code == 200
