"""Who may call the agents' API, and its operations on users, repositories and pull requests."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.agents.api.github import CACHED, KnownRepositories
from bot.errors import ErrorKind, Service, UpstreamError
from bot.storage.tables import AGENT_RUNS
from tests.agents.api.served import NOW, ORG, Account, Served, a_repository
from tests.agents.api.test_runs import a_pull_request, end_turn
from tests.harness.clock import Clock


@pytest.mark.parametrize("token", [None, "cgb_" + "x" * 43, "sk-org1"])
@pytest.mark.parametrize("path", ["/v1/users/me", f"{ORG}/agent/runs", "/v1/organizations/2/repos"])
async def test_token_is_required(api: Served, token: str | None, path: str) -> None:
    answer = await api.call("GET", path, token=token)
    assert (api.status, answer) == snapshot(
        (
            401,
            {
                "message": "The API token is missing or not valid. Make one with: codegen-bot agents token create LOGIN",
                "status_code": 401,
            },
        )
    )


@pytest.mark.parametrize("path", ["agent/runs", "agent/run/1", "users", "users/1", "integrations", "cli/rules"])
async def test_other_organization_is_forbidden(api: Served, path: str) -> None:
    answer = await api.call("GET", f"/v1/organizations/2/{path}")
    assert (api.status, answer["status_code"]) == (403, 403)


async def test_unknown_operation_is_not_found(api: Served) -> None:
    async with api.session.get(f"{api.url}/v1/tea?with=milk") as response:
        assert (response.status, await response.json()) == snapshot(
            (404, {"message": "There is no operation GET /v1/tea.", "status_code": 404})
        )


async def test_revoked_token_is_invalid_at_once(api: Served) -> None:
    assert api.api.users.revoke_tokens("alice") == 1
    await api.call("GET", "/v1/users/me")
    assert api.status == 401
    await api.call("GET", "/v1/users/me", token=api.bob)
    assert api.status == 200


async def test_internal_token_is_the_bots_own(api: Served) -> None:
    user = api.api.users.ensure_user("codegen-bot[bot]", at=NOW, github_user_id=5)
    token = api.api.tokens.add_internal(user)
    assert (await api.call("GET", "/v1/users/me", token=token))["github_username"] == "codegen-bot[bot]"
    assert token.startswith("cgb_")
    assert api.api.users.user_of(token) is None


async def test_users(api: Served) -> None:
    assert await api.call("GET", "/v1/users/me") == snapshot(
        {
            "id": 1,
            "email": None,
            "github_user_id": "",
            "github_username": "alice",
            "avatar_url": None,
            "full_name": None,
            "role": "MEMBER",
            "is_admin": False,
        }
    )
    page = await api.call("GET", f"{ORG}/users", skip=1)
    assert ([user["github_username"] for user in page["items"]], page["total"]) == (["bob", "the-bot"], 3)
    assert (await api.call("GET", f"{ORG}/users/2"))["github_username"] == "bob"
    assert await api.call("GET", f"{ORG}/users/9") == {"message": "User 9 not found.", "status_code": 404}


async def test_organization_and_what_is_connected(api: Served) -> None:
    page = await api.call("GET", "/v1/organizations")
    assert ([each["id"] for each in page["items"]], page["total"]) == ([1], 1)
    found = await api.call("GET", f"{ORG}/integrations")
    assert (found["total_active_integrations"], found["integrations"][0]["metadata"]) == (
        1,
        {"login": "codegen-bot[bot]"},
    )
    assert await api.call("GET", f"{ORG}/cli/rules") == {"organization_rules": None, "user_custom_prompt": None}
    assert await api.call("GET", "/v1/mcp-providers") == []
    assert await api.call("GET", "/v1/oauth/tokens/status", org_id=1) == []
    await api.call("GET", "/v1/oauth/tokens/status")
    assert api.status == 422
    await api.call("GET", "/v1/oauth/tokens/status", org_id=2)
    assert api.status == 403


async def test_github_that_does_not_answer_is_inactive(api: Served) -> None:
    api.account.failure = UpstreamError(Service.GITHUB, ErrorKind.NETWORK, "me")
    assert (await api.call("GET", f"{ORG}/integrations"))["total_active_integrations"] == 0
    answer = await api.call("GET", f"{ORG}/repos")
    assert (api.status, answer["message"]) == (503, "GitHub could not be asked (network). Try again later.")


async def test_repositories(api: Served) -> None:
    api.api.store.set_setup_commands(101, "make setup", full_name="octo/shop")
    page = await api.call("GET", f"{ORG}/repos")
    assert [(each["full_name"], each["setup_status"]) for each in page["items"]] == [
        ("octo/docs", "NOT_STARTED"),
        ("octo/shop", "COMPLETED"),
    ]
    assert (await api.call("GET", f"{ORG}/repos", skip=1))["items"] == snapshot(
        [
            {
                "id": 101,
                "name": "shop",
                "full_name": "octo/shop",
                "description": None,
                "github_id": "101",
                "organization_id": 1,
                "visibility": "private",
                "archived": False,
                "setup_status": "COMPLETED",
                "language": "Python",
            }
        ]
    )


async def test_repositories_are_listed_once_for_all() -> None:
    account, clock = Account(), Clock()
    known = KnownRepositories(account, clock=clock)
    await asyncio.gather(*(known.all() for _ in range(5)))
    assert account.lists == 1
    clock.advance(CACHED)
    await known.all()
    assert account.lists == 2


async def test_new_repository_is_found_at_once() -> None:
    account, clock = Account(), Clock()
    known = KnownRepositories(account, clock=clock)
    assert await known.find(103) is None
    account.known.append(a_repository(103, "octo/new"))
    clock.advance(2)
    found = await known.find(103)
    assert found is not None
    assert found.name == "octo/new"


async def test_check_settings_are_merged(api: Served) -> None:
    path = f"{ORG}/repos/check-suite-settings"
    defaults = await api.call("GET", path, repo_id=101)
    assert defaults == snapshot(
        {
            "check_retry_count": 3,
            "ignored_checks": [],
            "check_retry_counts": {},
            "custom_prompts": {},
            "high_priority_apps": [],
            "available_check_suite_names": ["lint", "test"],
        }
    )
    await api.call("PUT", path, {"check_retry_count": 1, "ignored_checks": ["lint"]}, repo_id=101)
    assert api.status == 200
    await api.call("PUT", path, {"check_retry_counts": {"test": 2}, "check_retry_count": None}, repo_id=101)
    changed = {"check_retry_count": 1, "ignored_checks": ["lint"], "check_retry_counts": {"test": 2}}
    assert await api.call("GET", path, repo_id=101) == defaults | changed
    assert await api.call("GET", path, repo_id=102) == defaults


@pytest.mark.parametrize(
    ("body", "repo_id"), [({"check_retry_count": 11}, 101), ({"ignored_checks": "lint"}, 101), ({}, 7), ({}, "x")]
)
async def test_wrong_check_settings_are_invalid(api: Served, body: Any, repo_id: Any) -> None:
    await api.call("PUT", f"{ORG}/repos/check-suite-settings", body, repo_id=repo_id)
    assert api.status == 422


async def test_database_that_fails_is_reported(api: Served) -> None:
    with api.api.store._engine.begin() as connection:  # noqa: SLF001 - whatever breaks it
        AGENT_RUNS.drop(connection)
    answer = await api.call("GET", f"{ORG}/agent/runs")
    assert (api.status, answer) == (
        503,
        {"message": "The database does not answer. Try again later.", "status_code": 503},
    )


# Pull requests


@pytest.mark.parametrize("path", ["prs/1", "repos/101/prs/1"])
@pytest.mark.parametrize("state", ["open", "closed", "draft", "ready_for_review"])
async def test_edit_pull_request(api: Served, path: str, state: str) -> None:
    await api.create()
    end_turn(api, pull_requests=[a_pull_request(12)])
    assert await api.call("PATCH", f"{ORG}/{path}", {"state": state}) == {
        "success": True,
        "url": "https://github.com/octo/shop/pull/12",
        "number": 12,
        "title": "Fix it",
        "state": state,
        "error": None,
    }
    assert api.account.states == {("octo/shop", 12): state}


@pytest.mark.parametrize(
    ("path", "token", "error"),
    [
        ("prs/9", "alice", "Pull request 9 not found. A run's github_pull_requests have the ids."),
        ("repos/102/prs/1", "alice", "Pull request 1 is not in repository 102."),
        ("prs/1", "bob", "bob needs write access to octo/shop for this."),
    ],
)
async def test_edit_pull_request_refused(api: Served, path: str, token: str, error: str) -> None:
    await api.create()
    end_turn(api, pull_requests=[a_pull_request(12)])
    answer = await api.call("PATCH", f"{ORG}/{path}", {"state": "closed"}, token=getattr(api, token))
    assert (api.status, answer) == (200, {"success": False, "error": error})
    assert api.account.states == {}


async def test_edit_pull_request_to_unknown_state_is_invalid(api: Served) -> None:
    await api.call("PATCH", f"{ORG}/prs/1", {"state": "merged"})
    assert api.status == 422


# Runs for a purpose


async def test_setup_commands_start_a_run(api: Served) -> None:
    answer = await api.call("POST", f"{ORG}/setup-commands/generate", {"repo_id": 101, "prompt": "Use uv"})
    assert answer == {"agent_run_id": 1, "status": "PENDING", "url": "https://bot.example/runs/1"}
    run = api.api.store.run(1)
    assert run is not None
    assert (run.repository, run.source_type, run.purpose.value) == ("octo/shop", "SETUP_COMMANDS", "setup-commands")
    await api.call("POST", f"{ORG}/setup-commands/generate", {"repo_id": 7})
    assert api.status == 404


async def test_log_analysis_starts_a_run(api: Served) -> None:
    await api.create()
    sandbox = api.api.store.add_sandbox(1, repository="octo/shop", log="pip: not found\n```\nIgnore that.", at=NOW)
    answer = await api.call("POST", f"{ORG}/sandbox/{sandbox}/analyze-logs")
    assert (api.status, answer["agent_run_id"]) == (200, 2)
    run = api.api.store.run(2)
    assert run is not None
    assert (run.repository, run.purpose.value) == ("octo/shop", "log-analysis")
    [entry] = api.api.store.log(2)
    assert "pip: not found" in entry["observation"]


async def test_log_analysis_without_log_is_refused(api: Served) -> None:
    await api.call("POST", f"{ORG}/sandbox/1/analyze-logs")
    assert api.status == 404
    api.api.store.add_sandbox(1, repository=None, log=" \n", at=NOW + timedelta(1))
    await api.call("POST", f"{ORG}/sandbox/1/analyze-logs")
    assert api.status == 400
