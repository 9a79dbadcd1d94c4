"""The agents' API and the emulator of Codegen share no code, and answer the same requests alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.emulators.codegen import CodegenEmulator
from tests.agents.api.served import NOW, ORG, Served
from tests.agents.api.test_runs import a_pull_request, end_turn

RUN = {"agent_run_id": 1}

OWN = {
    "agent_type",
    "author",
    "cancellable",
    "changes",
    "model",
    "stopped_run_ids",
    "url",
    "usage",
    "working_seconds",
}
"""Fields that Codegen's responses lack here and there."""

REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/users/me", None),
    ("GET", "/v1/organizations", None),
    ("GET", f"{ORG}/users?limit=1", None),
    ("GET", f"{ORG}/users/1", None),
    ("GET", f"{ORG}/users/99", None),
    ("GET", f"{ORG}/users/x", None),
    ("GET", f"{ORG}/repos?skip=1&limit=1", None),
    ("GET", f"{ORG}/integrations", None),
    ("GET", f"{ORG}/cli/rules", None),
    ("GET", "/v1/oauth/tokens/status?org_id=1", None),
    ("GET", "/v1/oauth/tokens/status", None),
    ("POST", "/v1/oauth/tokens/revoke?org_id=1&provider=linear", None),
    ("GET", f"{ORG}/repos/check-suite-settings?repo_id=101", None),
    ("PUT", f"{ORG}/repos/check-suite-settings?repo_id=101", {"check_retry_count": 2}),
    ("PUT", f"{ORG}/repos/check-suite-settings?repo_id=101", {"check_retry_count": 11}),
    ("POST", f"{ORG}/agent/run", {"prompt": "Hello", "metadata": {"a": 1}}),
    ("POST", f"{ORG}/agent/run", {"prompt": "Hello", "repo_id": 999}),
    ("POST", f"{ORG}/agent/run", {"prompt": "Hello", "agent_type": "nothing"}),
    ("POST", f"{ORG}/agent/run", {"prompt": 1}),
    ("POST", f"{ORG}/agent/run", None),
    ("GET", f"{ORG}/agent/run/1", None),
    ("GET", f"{ORG}/agent/run/99", None),
    ("GET", f"{ORG}/agent/runs?limit=1", None),
    ("GET", f"{ORG}/agent/runs?limit=101", None),
    ("GET", f"{ORG}/agent/runs?source_type=FAX", None),
    ("GET", f"{ORG}/agent/runs?source_type=API&user_id=1", None),
    ("GET", "/v1/alpha/organizations/1/agent/run/1/logs?reverse=true", None),
    ("GET", "/v1/alpha/organizations/1/agent/run/99/logs", None),
    ("PATCH", f"{ORG}/prs/PR", {"state": "closed"}),
    ("PATCH", f"{ORG}/prs/99", {"state": "closed"}),
    ("PATCH", f"{ORG}/prs/PR", {"state": "merged"}),
    ("POST", f"{ORG}/agent/run/resume", {**RUN, "prompt": "More"}),
    ("POST", f"{ORG}/agent/run/resume", RUN),
    ("POST", f"{ORG}/agent/run/ban", RUN),
    ("POST", f"{ORG}/agent/run/unban", RUN),
    ("POST", f"{ORG}/agent/run/remove-from-pr", RUN),
    ("POST", f"{ORG}/agent/run/ban", {"agent_run_id": 99}),
    ("POST", f"{ORG}/setup-commands/generate", {"repo_id": 101}),
    ("POST", f"{ORG}/setup-commands/generate", {"repo_id": 999}),
    ("POST", f"{ORG}/sandbox/1/analyze-logs", None),
    ("GET", "/v1/organizations/3/agent/runs", None),
]


@pytest.fixture
async def emulator() -> AsyncIterator[CodegenEmulator]:
    """With a run that has a pull request."""
    async with CodegenEmulator(run_seconds=None, limits=False) as emulator:
        emulator.create(1, "Fix it", source_type="API")
        emulator.finish(1, pull_request="octo/shop#12")
        yield emulator


async def test_requests_are_answered_alike(api: Served, emulator: CodegenEmulator) -> None:
    await api.create()
    end_turn(api, pull_requests=[a_pull_request(12)])
    api.api.store.add_sandbox(1, repository="octo/shop", log="pip: not found", at=NOW)
    different = []
    for method, path, body in REQUESTS:
        number = str(emulator.runs[1].pull_requests[0]["id"])
        own = await answer(api, api.url, api.alice, method, path.replace("PR", "1"), body)
        emulated = await answer(api, emulator.url, "sk-both-alice", method, path.replace("PR", number), body)
        if own != emulated:
            different.append((method, path, body, own, emulated))
    assert different == []


@pytest.mark.parametrize("token", ["", "nothing"])
async def test_strangers_are_refused_alike(api: Served, emulator: CodegenEmulator, token: str) -> None:
    for method, path, body in REQUESTS:
        for url in (api.url, emulator.url):
            assert (await answer(api, url, token, method, path, body))[0] == 401


async def answer(api: Served, url: str, token: str, method: str, path: str, body: Any) -> tuple[int, Any]:
    """The status, and the form of the response."""
    headers = {"Authorization": f"Bearer {token}"}
    async with api.session.request(method, url + path, json=body, headers=headers) as response:
        return response.status, form(await response.json())


def form(document: Any) -> Any:
    """The names of the fields, and the form of the first entry of each list."""
    match document:
        case {"detail": list(problems)}:
            return [problem["loc"] for problem in problems]
        case dict():
            return {name: form(value) for name, value in document.items() if name not in {*OWN, "metadata"}}
        case [first, *_]:
            return [form(first)]
        case list():
            return "list"
        case _:
            return None
