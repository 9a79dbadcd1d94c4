"""The emulator against Codegen's published description: every operation exists and responds as described."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from bot.emulators.codegen import CodegenEmulator
from tests.codegen.description import Operation, needs_description, operations, problems
from tests.emulators.codegen.conftest import PACE
from tests.harness.clock import Clock

pytestmark = needs_description

ORG = "/v1/organizations/{org_id}"
LOGS = "/v1/alpha/organizations/{org_id}/agent/run/{agent_run_id}/logs"


@dataclass(frozen=True)
class Asked:
    """One request, made of an operation's template, and the status that it is to get."""

    operation: Operation
    status: int = 200
    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    token: str = "sk-org1-alice"

    def __str__(self) -> str:
        return f"{self.operation} {self.status}"

    async def send(self, http: httpx.AsyncClient) -> httpx.Response:
        known = {"org_id": 1, "user_id": 1, "agent_run_id": 1, "repo_id": 101, "pr_id": 9001, "sandbox_id": 7}
        return await http.request(
            self.operation.method,
            self.operation.template.format(**{**known, **self.path}),
            params=self.query,
            json=self.body,
            headers={"authorization": f"Bearer {self.token}"},
        )


BODIES: dict[str, Any] = {
    f"POST {ORG}/agent/run": {"prompt": "Fix the flaky test", "metadata": {"who": "alice"}, "repo_id": 101},
    f"POST {ORG}/agent/run/resume": {"agent_run_id": 1, "prompt": "And the docs"},
    f"POST {ORG}/agent/run/ban": {"agent_run_id": 1},
    f"POST {ORG}/agent/run/unban": {"agent_run_id": 1},
    f"POST {ORG}/agent/run/remove-from-pr": {"agent_run_id": 1},
    f"PUT {ORG}/repos/check-suite-settings": {"check_retry_count": 5, "check_retry_counts": {"lint": 1}},
    f"PATCH {ORG}/prs/{{pr_id}}": {"state": "draft"},
    f"PATCH {ORG}/repos/{{repo_id}}/prs/{{pr_id}}": {"state": "closed"},
    f"POST {ORG}/setup-commands/generate": {"repo_id": 101},
    "POST /v1/slack-connect/generate-token": {"org_id": 1},
}

QUERIES: dict[str, dict[str, Any]] = {
    f"GET {ORG}/repos/check-suite-settings": {"repo_id": 101},
    f"PUT {ORG}/repos/check-suite-settings": {"repo_id": 101},
    "GET /v1/oauth/tokens/status": {"org_id": 1},
    "POST /v1/oauth/tokens/revoke": {"org_id": 1, "provider": "linear"},
}


def good(operation: Operation, **changes: Any) -> Asked:
    name = str(operation)
    return Asked(operation, **{"query": QUERIES.get(name, {}), "body": BODIES.get(name), **changes})


def refused() -> list[Asked]:
    """A request for each refusal to which the description gives a form; rates are looked at on their own."""
    asked = []
    for operation in operations():
        name, described = str(operation), operation.document["responses"]
        if "403" in described and "{org_id}" in operation.template:
            asked.append(good(operation, status=403, path={"org_id": 2}))
        if "404" in described and operation.schema_of_answer(404) is not None:
            body = BODIES.get(name)
            nothing = {"agent_run_id": 99} if "agent_run_id" in (body or {}) else {"repo_id": 99}
            asked.append(
                good(operation, status=404, path={"agent_run_id": 99, "user_id": 99}, body=body and {**body, **nothing})
            )
        if name in BODIES:
            asked.append(good(operation, status=422, body={}))
        if name in QUERIES:
            asked.append(good(operation, status=422, query={}))
        if "{org_id}" in operation.template:
            asked.append(good(operation, status=422, path={"org_id": "octo"}))
        parameters = {each["name"] for each in operation.document.get("parameters", ())}
        wrong = ({"skip": -1}, {"limit": 0}, {"limit": 101}, {"reverse": "perhaps"}, {"source_type": "FAX"})
        asked += [good(operation, status=422, query=query) for query in wrong if parameters >= set(query)]
        asked.append(good(operation, status=401, token="nobody's"))
    # An empty body changes nothing, and is allowed.
    return [each for each in asked if not (each.operation.method == "PUT" and each.status == 422 and each.body == {})]


@pytest.fixture
def scene(emulator: CodegenEmulator, clock: Clock) -> CodegenEmulator:
    """Run 1 has come to its end with a log and a pull request, run 2 is at work."""
    emulator.script(pull_request="octo/shop#12", summary="Waits for the server.")
    for prompt in ("Fix the flaky test", "Write the docs"):
        emulator.start_elsewhere(prompt)
        clock.advance(PACE * 0.7)
    return emulator


async def look(http: httpx.AsyncClient) -> None:
    """Reads the runs, which updates their state."""
    assert (await http.get("/v1/organizations/1/agent/runs")).json()["items"][1]["github_pull_requests"]


def test_description_finds_errors() -> None:
    assert len(operations()) == 25
    run = {"$ref": "#/components/schemas/AgentRunResponse"}
    assert not problems({"id": 1, "organization_id": 1}, run)
    assert problems({"id": 1, "organization_id": 1, "source_type": "FAX"}, run)
    with pytest.raises(AssertionError, match="does not answer 418"):
        operations()[0].check_answer(418, {})


@pytest.mark.parametrize("operation", operations(), ids=str)
async def test_responses_match_the_description(
    scene: CodegenEmulator, http: httpx.AsyncClient, operation: Operation
) -> None:
    await look(http)
    answer = await good(operation).send(http)
    assert answer.status_code == 200, answer.text
    operation.check_answer(200, answer.json())
    assert scene.control.journal[-1].routed


@pytest.mark.parametrize("asked", refused(), ids=str)
async def test_refusals_match_the_description(scene: CodegenEmulator, http: httpx.AsyncClient, asked: Asked) -> None:
    answer = await asked.send(http)
    assert answer.status_code == asked.status, answer.text
    asked.operation.check_answer(asked.status, answer.json())
    if asked.status in {403, 404}:
        assert answer.json()["status_code"] == asked.status


async def test_quota_refusal_matches_the_description(emulator: CodegenEmulator, http: httpx.AsyncClient) -> None:
    emulator.script(outcome="quota")
    operation = Operation("POST", f"{ORG}/agent/run")
    answer = await good(operation).send(http)
    assert answer.status_code == 402
    operation.check_answer(402, answer.json())


@pytest.mark.parametrize("operation", [each for each in operations() if each.rate], ids=str)
async def test_rate_limits_match_the_description(
    scene: CodegenEmulator, http: httpx.AsyncClient, clock: Clock, operation: Operation
) -> None:
    """One request more than the description allows is refused, and allowed again when it says so."""
    assert operation.rate is not None
    count, seconds = operation.rate
    asked = good(operation, token="sk-org1-somebody-else")
    for _ in range(count):
        assert (await asked.send(http)).status_code == 200
    clock.advance(seconds - 5)
    answer = await asked.send(http)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "5"
    if "429" in operation.document["responses"]:
        operation.check_answer(429, answer.json())
    clock.advance(5)
    assert (await asked.send(http)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_address_is_described(emulator: CodegenEmulator, method: str) -> None:
    described = {re.sub(r"\{\w+\}", "{}", each.template) for each in operations() if each.method == method}
    offered = {
        re.sub(r"\{\w+\}", "{}", route.resource.canonical)
        for route in emulator.app.router.routes()
        if route.method == method and route.resource is not None
    }
    # Codegen's documentation has the logs' path without "alpha", too.
    documented = {re.sub(r"\{\w+\}", "{}", LOGS.replace("/alpha", ""))} if method == "GET" else set()
    assert {path for path in offered if not path.startswith("/_emulator/")} == described | documented
