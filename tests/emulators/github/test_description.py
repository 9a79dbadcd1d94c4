"""Every answer of the emulator is one that GitHub's published description allows."""

from __future__ import annotations

from typing import Any

import pytest

from bot.emulators.github import GitHubEmulator
from tests.emulators.github import description
from tests.emulators.github.calls import CALLS, answer_to
from tests.emulators.github.people import REPO, App, Person

pytestmark = pytest.mark.skipif(not description.PATH.exists(), reason="GitHub's description is not at hand")

NOT_DESCRIBED = {
    "GET /repos/{owner}/{repo}/branches/{branch}",
    "GET /user/repos",
    "PATCH /repos/{owner}/{repo}/pulls/{number}",
    "POST /repos/{owner}/{repo}/pulls",
    "GET /app/hook/config",
    "PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}",
    "POST /repos/{owner}/{repo}/issues",
    "POST /repos/{owner}/{repo}/pulls/{number}/comments",
    "POST /repos/{owner}/{repo}/pulls/{number}/reviews",
    "PUT /repos/{owner}/{repo}/pulls/{number}/reviews/{review_id}",
    "DELETE /repos/{owner}/{repo}/git/refs/heads/{branch}",
}
"""Missing in the available part of the description; githubkit's models verify these all the same."""


def _errors(method: str, path: str, status: int, document: Any) -> list[str]:
    found = description.operation(method, path)
    assert found is not None, f"{method} {path} is not described"
    response = found[1]["responses"].get(str(status))
    assert response is not None, f"{method} {path} never answers {status}"
    content = description.resolved(response).get("content", {})
    if "application/json" not in content:
        assert not document
        return []
    return description.errors(content["application/json"]["schema"], document)


@pytest.mark.parametrize("address", sorted(set(CALLS) - NOT_DESCRIBED))
async def test_responses_match_the_description(emulator: GitHubEmulator, address: str, app: App) -> None:
    response = (await answer_to(emulator, address, app)).raw_response
    first = response.history[0] if response.history else response
    path = first.request.url.raw_path.decode().partition("?")[0]
    document = first.json() if first.content else None
    assert _errors(first.request.method, path, first.status_code, document) == []


async def test_refusals_match_the_description(emulator: GitHubEmulator, alice: Person, app: App) -> None:
    refused = [
        ("GET", f"{REPO}/issues/99", 404, None),
        ("POST", f"{REPO}/issues/1/comments", 422, {"body": ""}),
        ("POST", f"{REPO}/labels", 422, {"name": "bug"}),
        ("DELETE", f"{REPO}/issues/1/labels/bug", 404, None),
        ("GET", f"{REPO}/collaborators/nobody/permission", 404, None),
        ("GET", f"{REPO}/contents/nothing", 404, None),
    ]
    for method, path, status, body in refused:
        answer = await alice.ask(method, path, body)
        assert (answer.status, _errors(method, path, status, answer.document)) == (status, []), path
    unknown = Person(alice.session, emulator.url, app.token(issuer="2"), "bearer")
    answer = await unknown.post("/app/installations/1/access_tokens")
    assert (answer.status, _errors("POST", "/app/installations/1/access_tokens", 404, answer.document)) == (404, [])


async def test_directory_matches_the_description(alice: Person) -> None:
    answer = await alice.get(f"{REPO}/contents/app")
    assert _errors("GET", f"{REPO}/contents/app", answer.status, answer.document) == []


def test_description_finds_errors() -> None:
    """A validator that lets everything pass would let the emulator pass as well."""
    path = "/repos/octo/shop/issues/1/labels"
    label: dict[str, Any] = {"id": 1, "node_id": "x", "url": "http://x/y", "name": "bug", "color": "ededed"}
    assert _errors("GET", path, 200, [{**label, "default": True, "description": None}]) == []
    assert _errors("GET", path, 200, [label])
    assert _errors("GET", path, 200, [{**label, "default": True, "description": None, "url": "no address"}])
