"""Whatever the client sends is what Codegen's description allows: one request and more for each of its methods."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.codegen.client import Codegen
from bot.codegen.models import CheckSuiteChange
from bot.emulators.codegen import CodegenEmulator
from tests.codegen.description import needs_description, operation_at

pytestmark = needs_description

IMAGE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""One pixel."""


async def _all(items: Any) -> list[Any]:
    return [item async for item in items]


CALLS: dict[str, list[Callable[[Codegen], Awaitable[Any]]]] = {
    "create_run": [
        lambda codegen: codegen.create_run("Hello"),
        lambda codegen: codegen.create_run(
            "Hello", metadata={"a": [1]}, repo_id=101, model="fast", agent_type="codegen", images=[IMAGE]
        ),
    ],
    "run": [lambda codegen: codegen.run(1)],
    "runs_page": [
        lambda codegen: codegen.runs_page(1),
        lambda codegen: codegen.runs_page(3, user_id=1, source_type="API"),
    ],
    "runs_slice": [lambda codegen: codegen.runs_slice(skip=0, limit=10)],
    "runs": [
        lambda codegen: _all(codegen.runs()),
        lambda codegen: _all(codegen.runs(user_id=1, source_type="GITHUB_CHECK_SUITE")),
    ],
    "find_run": [lambda codegen: codegen.find_run("c-1", since=datetime.now(UTC))],
    "resume_run": [
        lambda codegen: codegen.resume_run(1, "More"),
        lambda codegen: codegen.resume_run(1, "More", images=[IMAGE]),
    ],
    "ban_checks": [lambda codegen: codegen.ban_checks(1)],
    "unban_checks": [lambda codegen: codegen.unban_checks(1)],
    "remove_from_pr": [lambda codegen: codegen.remove_from_pr(1)],
    "logs_page": [
        lambda codegen: codegen.logs_page(1),
        lambda codegen: codegen.logs_page(1, skip=3, limit=1, reverse=True),
    ],
    "me": [lambda codegen: codegen.me()],
    "user": [lambda codegen: codegen.user(1)],
    "users": [lambda codegen: codegen.users()],
    "organizations": [lambda codegen: codegen.organizations()],
    "repositories": [lambda codegen: codegen.repositories()],
    "integrations": [lambda codegen: codegen.integrations()],
    "check_suite_settings": [lambda codegen: codegen.check_suite_settings(101)],
    "update_check_suite_settings": [
        lambda codegen: codegen.update_check_suite_settings(101, CheckSuiteChange()),
        lambda codegen: codegen.update_check_suite_settings(
            101,
            CheckSuiteChange(
                check_retry_count=10,
                ignored_checks=["lint"],
                check_retry_counts={"test": 1},
                custom_prompts={"test": "Look at the seed."},
                high_priority_apps=["ci"],
            ),
        ),
    ],
    "generate_setup_commands": [
        lambda codegen: codegen.generate_setup_commands(101),
        lambda codegen: codegen.generate_setup_commands(101, prompt="Use uv", trigger_source="codegen-bot"),
    ],
    "analyze_sandbox_logs": [lambda codegen: codegen.analyze_sandbox_logs(7)],
    "edit_pull_request": [
        lambda codegen: codegen.edit_pull_request(9001, "ready_for_review"),
        lambda codegen: codegen.edit_pull_request(9001, "open"),
        lambda codegen: codegen.edit_pull_request(9001, "closed"),
        lambda codegen: codegen.edit_pull_request(9001, "draft"),
    ],
}


def test_every_method_of_client_is_judged() -> None:
    public = {name for name, value in vars(Codegen).items() if inspect.isfunction(value) and not name.startswith("_")}
    # Only agents of your own have them.
    assert {*CALLS, "cancel_run", "costs", "checked_head", "claim_check_round"} == public


@pytest.mark.parametrize("method", CALLS)
async def test_requests_match_description(codegen: Codegen, emulator: CodegenEmulator, method: str) -> None:
    emulator.start_elsewhere("Hello")
    for call in CALLS[method]:
        await call(codegen)
    assert len(emulator.control.journal) >= len(CALLS[method])
    for entry in emulator.control.journal:
        assert entry.status == 200
        operation_at(entry.method, entry.path).check_request(entry.query, entry.body)


@pytest.mark.parametrize(
    ("query", "body", "match"),
    [
        ({}, {"prompt": 1}, "is not of type"),
        ({}, {}, "required property"),
        ({}, {"prompt": "Hello", "temperature": 1}, "knows no"),
        ({"dry": "run"}, {"prompt": "Hello"}, "knows no"),
    ],
)
def test_judge_rejects_wrong_requests(query: dict[str, str], body: Any, match: str) -> None:
    operation = operation_at("POST", "/v1/organizations/1/agent/run")
    operation.check_request({}, {"prompt": "Hello"})
    with pytest.raises(AssertionError, match=match):
        operation.check_request(query, body)
