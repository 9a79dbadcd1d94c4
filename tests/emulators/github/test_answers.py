"""Every response can be parsed by githubkit, which has models of GitHub's whole description."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from githubkit import Response
from githubkit.exception import RequestFailed
from githubkit_schemas.latest.models import BasicError, ContentDirectoryItems, ValidationError
from pydantic import TypeAdapter

from bot.emulators.github import GitHubEmulator
from tests.emulators.github.calls import CALLS, OWNER, SHOP, Rest, answer_to, client
from tests.emulators.github.people import REPO, App, Person

GRAPHQL = "POST /graphql"
"""Not of the REST API, so of no model of it."""

LOGS = "GET /repos/{owner}/{repo}/actions/jobs/{check_run_id}/logs"


def _addresses(emulator: GitHubEmulator) -> set[str]:
    """Those of the API, without pages, control and the prefix of GitHub Enterprise Server."""
    routes = ((route.method, route.resource) for route in emulator.app.router.routes())
    addresses = {f"{method} {resource.canonical}" for method, resource in routes if resource and method != "HEAD"}
    return {
        address
        for address in addresses
        if not re.search(" (/_emulator/|/api/|/apps/|.*git-|.*/info/refs|.*/?settings/apps)", address)
    }


async def test_every_address_has_a_call(emulator: GitHubEmulator) -> None:
    assert set(CALLS) == _addresses(emulator) - {GRAPHQL}


async def test_graphql_viewer_for_a_workflow_token(emulator: GitHubEmulator, alice: Person) -> None:
    """The REST API refuses this to every installation's token."""
    workflow = Person(alice.session, emulator.url, "actions-token", "bearer")
    assert (await workflow.get("/user")).status == 403
    answer = await workflow.post("/graphql", {"query": "query { viewer { login } }"})
    assert answer.document == {"data": {"viewer": {"login": "github-actions[bot]"}}}
    answer = await workflow.post("/graphql", {"query": "{ rateLimit { cost } }"})
    assert set(answer.document) == {"errors"}


@pytest.mark.parametrize("address", sorted(set(CALLS) - {LOGS}))
async def test_responses_match_githubkit_models(emulator: GitHubEmulator, address: str, app: App) -> None:
    response = await answer_to(emulator, address, app)
    _check_address(response, address)
    document = json.loads(response.content) if response.content else None
    assert (document is None) == (address.startswith("DELETE") and "labels" not in address)
    if document is None:
        assert response.status_code == 204
        return
    assert document != []
    assert document == {} or not isinstance(document, dict) or document.get("total_count") != 0
    assert response.parsed_data is not None


async def test_job_log_redirects_to_text(emulator: GitHubEmulator, app: App) -> None:
    """GitHub redirects to a store, which needs no token."""
    response = await answer_to(emulator, LOGS, app)
    (redirection,) = response.raw_response.history
    assert redirection.status_code == 302
    assert response.text == "assert 1 == 2"


def _check_address(response: Response[Any, Any], address: str) -> None:
    """The request went to the address in the table."""
    method, _, path = address.partition(" ")
    request = response.raw_response.request
    assert request.method == method
    assert re.fullmatch(re.sub(r"\{\w+\}", ".+", path), request.url.path)


async def test_contents_of_a_directory(emulator: GitHubEmulator, alice: Person) -> None:
    emulator.world.files["main", "app/tax/rates.py"] = "RATE = 0.2\n"
    answer = await alice.get(f"{REPO}/contents/app")
    items = TypeAdapter(list[ContentDirectoryItems]).validate_python(answer.document)
    assert [(item.type, item.path) for item in items] == [("file", "app/checkout.py"), ("dir", "app/tax")]
    root = (await alice.get(f"{REPO}/contents/")).document
    assert [(item["type"], item["path"]) for item in root] == [("file", "README.md"), ("dir", "app")]


# Refusals

Refusal = Callable[[Rest], Awaitable[Response[Any, Any]]]

REFUSALS: list[tuple[str, Refusal, int, str]] = [
    ("as-nobody", lambda rest: rest.repos.async_get(*SHOP), 401, "Bad credentials"),
    ("as-alice", lambda rest: rest.repos.async_get(OWNER, "other"), 404, "Not Found"),
    ("as-dave", lambda rest: rest.repos.async_get(*SHOP), 404, "Not Found"),
    ("as-dave", lambda rest: rest.issues.async_create_comment(*SHOP, 1, body="Hi"), 404, "Not Found"),
    ("as-alice", lambda rest: rest.issues.async_get(*SHOP, 99), 404, "Not Found"),
    ("as-alice", lambda rest: rest.pulls.async_get(*SHOP, 2), 404, "Not Found"),
    ("as-alice", lambda rest: rest.issues.async_remove_label(*SHOP, 1, "bug"), 404, "Label does not exist"),
    (
        "as-alice",
        lambda rest: rest.repos.async_get_collaborator_permission_level(*SHOP, "codegen-bot[bot]"),
        404,
        "codegen-bot[bot] is not a user",
    ),
    (
        "as-carol",
        lambda rest: rest.repos.async_get_collaborator_permission_level(*SHOP, "bob"),
        403,
        "Must have write access to Repository.",
    ),
    (
        "as-carol",
        lambda rest: rest.issues.async_add_labels(*SHOP, 1, labels=["bug"]),
        403,
        "Must have triage access to Repository.",
    ),
    ("as-bob", lambda rest: rest.repos.async_list_webhooks(*SHOP), 404, "Not Found"),
    (
        "as-alice",
        lambda rest: rest.checks.async_list_for_ref(*SHOP, "nowhere"),
        422,
        "No commit found for SHA: nowhere",
    ),
]


@pytest.mark.parametrize(("token", "ask", "status", "message"), REFUSALS)
async def test_refusals_have_githubs_form(
    emulator: GitHubEmulator, token: Any, ask: Refusal, status: int, message: str, app: App
) -> None:
    async with client(emulator, token, app) as github:
        with pytest.raises(RequestFailed) as caught:
            await ask(github.rest)
    document = caught.value.response.json()
    assert (caught.value.response.status_code, document["message"]) == (status, message)
    assert BasicError.model_validate(document).documentation_url
    assert document["status"] == str(status)


INVALID: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("POST", "/issues/1/comments", {}, "body", "missing_field"),
    ("POST", "/issues/1/comments", {"body": " \n"}, "body", "missing_field"),
    ("POST", "/issues/1/comments", {"body": "x" * 65_537}, "body", "unprocessable"),
    ("POST", "/issues", {"body": "Without a title"}, "title", "missing_field"),
    ("POST", "/issues/1/reactions", {"content": "wow"}, "content", "invalid"),
    ("POST", "/issues/1/labels", {"labels": "bug"}, "labels", "invalid"),
    ("POST", "/issues/1/labels", {"labels": [7]}, "labels", "invalid"),
    ("POST", "/labels", {"name": "BUG"}, "name", "already_exists"),
    ("POST", "/labels", {"name": "new", "color": "red"}, "color", "invalid"),
    ("POST", "/labels", {"name": "new", "description": "x" * 101}, "description", "unprocessable"),
    ("POST", "/pulls/1/comments", {"body": "Why?"}, "path", "missing_field"),
    ("POST", "/pulls/1/comments", {"body": "Why?", "path": "README.md", "line": 1}, "commit_id", "invalid"),
    ("POST", "/pulls/1/reviews", {"event": "COMMENT"}, "body", "missing_field"),
    ("POST", "/pulls/1/reviews", {"event": "SHRUG", "body": "x"}, "event", "invalid"),
    ("GET", "/issues/1/comments?since=yesterday", {}, "since", "invalid"),
]


@pytest.mark.parametrize(("method", "path", "body", "field", "code"), INVALID)
async def test_validation_error_names_the_field(
    alice: Person, method: str, path: str, body: dict[str, Any], field: str, code: str
) -> None:
    answer = await alice.ask(method, REPO + path, body)
    assert answer.status == 422
    document = ValidationError.model_validate(answer.document)
    assert document.message == "Validation Failed"
    assert answer.document["errors"][0]["field"] == field
    assert answer.document["errors"][0]["code"] == code


async def test_body_must_be_a_json_object(emulator: GitHubEmulator, alice: Person) -> None:
    async with alice.session.post(
        f"{emulator.url}{REPO}/issues/1/comments", data=b"{", headers={"Authorization": "token as-alice"}
    ) as response:
        assert response.status == 400
        assert BasicError.model_validate(await response.json()).message == "Problems parsing JSON"
    assert (await alice.post(f"{REPO}/issues/1/comments", ["body"])).status == 400


async def test_unknown_address_or_method_is_404(alice: Person) -> None:
    for answer in (await alice.get("/nowhere"), await alice.ask("PUT", f"{REPO}/labels/bug")):
        assert answer.status == 404
        assert BasicError.model_validate(answer.document).message == "Not Found"
