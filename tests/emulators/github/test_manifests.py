"""Apps from manifests: their keys, webhooks and permissions."""

from __future__ import annotations

import hmac
import json
import re
import time
from typing import Any

import aiohttp
import jwt
import pytest

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import App
from tests.emulators.github.manifest_rules import problems
from tests.emulators.github.people import REPO, Person
from tests.emulators.github.receiver import Receiver

MANIFEST: dict[str, Any] = {
    "name": "Robot",
    "url": "https://robot.example.com",
    "redirect_url": "http://127.0.0.1:9/back?from=github",
    "public": False,
    "default_permissions": {"issues": "write"},
    "default_events": ["issues", "issue_comment"],
}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"colour": "red"}, "colour is unknown"),
    ({"public": "no"}, "public is wrong"),
    ({"name": 7}, "name is wrong"),
    ({"hook_attributes": []}, "hook_attributes is wrong"),
    ({"hook_attributes": {"active": True}}, "hook_attributes.url must be a valid URL"),
    ({"redirect_url": "javascript:alert(1)"}, "redirect_url must be a valid URL"),
    ({"url": "robot"}, "url must be a valid URL"),
    ({"url": "https://[::1"}, "url must be a valid URL"),
    ({"callback_urls": ["https://a.example.com", "b"]}, "callback_urls[1] must be a valid URL"),
    ({"callback_urls": ["https://a.example.com"] * 11}, "callback_urls are more than 10"),
    (
        {"default_permissions": {"issues": "admin"}},
        "Default permission records resource issues with admin is not supported",
    ),
    (
        {"default_permissions": {"isues": "read"}},
        "Default permission records resource isues with read is not supported",
    ),
    ({"default_events": ["push"]}, "Default events are not supported by permissions: push"),
    ({"default_events": ["nothing"]}, "Default events are not supported by permissions: nothing"),
]


@pytest.mark.parametrize(("part", "problem"), WRONG)
def test_manifest_rules_report_problems(part: dict[str, Any], problem: str) -> None:
    assert problems(MANIFEST) == []
    assert problem in problems(MANIFEST | part)


async def _posts(session: aiohttp.ClientSession, url: str, data: dict[str, str]) -> tuple[int, str, str]:
    async with session.post(url, data=data, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", ""), await answer.text()


@pytest.mark.parametrize("text", ["", "no JSON", "[]"])
async def test_manifest_page_refuses_other_text(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, text: str
) -> None:
    status, _, page = await _posts(session, f"{emulator.url}/settings/apps/new", {"manifest": text})
    assert (status, "Invalid GitHub App configuration" in page) == (422, True)


@pytest.mark.parametrize("org", ["nobody", "alice"])
async def test_manifest_page_needs_an_organization(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, org: str
) -> None:
    url = f"{emulator.url}/organizations/{org}/settings/apps"
    assert (await _posts(session, f"{url}/new", {"manifest": json.dumps(MANIFEST)}))[0] == 404
    assert (await _posts(session, url, {"manifest": json.dumps(MANIFEST)}))[0] == 404


@pytest.mark.parametrize(
    ("name", "problem"),
    [("codegen bot", "Name is already taken"), ("n" * 35, "Name is too long"), ("?!", "Name can&#x27;t be blank")],
)
async def test_manifest_name_must_be_free_and_short(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, name: str, problem: str
) -> None:
    given = {"manifest": json.dumps(MANIFEST), "name": name}
    status, _, page = await _posts(session, f"{emulator.url}/settings/apps", given)
    assert (status, problem in page) == (422, True)


async def _make(emulator: GitHubEmulator, session: aiohttp.ClientSession, owner: str = "", **parts: Any) -> Any:
    """The response to the code's conversion."""
    given = {"manifest": json.dumps(MANIFEST | parts), "name": "", "state": "s t&te"}
    status, back, _ = await _posts(session, f"{emulator.url}{owner}/settings/apps", given)
    found = re.fullmatch(r"http://127\.0\.0\.1:9/back\?from=github&code=([0-9a-f]{40})&state=s\+t%26te", back)
    assert (status, found is not None) == (302, True), back
    assert found is not None
    path = f"{emulator.url}/app-manifests/{found[1]}/conversions"
    async with session.post(path) as answer:
        assert answer.status == 201
        document = await answer.json()
    async with session.post(path) as answer:
        assert answer.status == 404
    return document


def _as_app(emulator: GitHubEmulator, session: aiohttp.ClientSession, made: Any, *, issuer: str = "id") -> Person:
    now = int(time.time())
    claims = {"iss": str(made[issuer]), "iat": now - 60, "exp": now + 300}
    return Person(session, emulator.url, jwt.encode(claims, made["pem"], algorithm="RS256"), "bearer")


def _app(emulator: GitHubEmulator, made: Any) -> App:
    return emulator.world.apps[made["id"]]


@pytest.mark.parametrize("issuer", ["id", "client_id"])
async def test_app_key_authenticates_that_app_only(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, issuer: str
) -> None:
    made = await _make(emulator, session, "/organizations/octo")
    assert (made["owner"]["login"], made["webhook_secret"], made["slug"]) == ("octo", None, "robot")
    app = _as_app(emulator, session, made, issuer=issuer)
    assert (await app.get("/app")).document["permissions"] == {"issues": "write", "metadata": "read"}
    assert (await app.get("/app/installations")).document == []
    assert (await app.get(f"{REPO}/installation")).status == 404
    assert (await app.post("/app/installations/1/access_tokens")).status == 404
    other = await _make(emulator, session, "/organizations/octo", name="Other")
    assert (await _as_app(emulator, session, made | {"id": other["id"]}).get("/app")).status == 401


async def test_installation_is_limited_to_its_permissions(
    emulator: GitHubEmulator, session: aiohttp.ClientSession
) -> None:
    made = await _make(emulator, session, "/organizations/octo")
    emulator.world.install(_app(emulator, made))
    app = _as_app(emulator, session, made)
    (installation,) = (await app.get("/app/installations")).document
    token = (await app.post(f"/app/installations/{installation['id']}/access_tokens")).document["token"]
    robot = Person(session, emulator.url, token)
    answer = await robot.post(f"{REPO}/issues/2/comments", {"body": "Hello"})
    assert (answer.status, answer.document["user"]["login"]) == (201, "robot[bot]")
    refused = await robot.get(f"{REPO}/pulls/1")
    assert (refused.status, refused.document["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "pull_requests=read"
    assert (await robot.get("/user")).status == 403
    needed = [entry.permission for entry in emulator.control.journal if entry.actor == "robot[bot]"]
    assert needed == ["issues=write; pull_requests=write", "pull_requests=read", None]


async def test_private_app_installs_on_its_owners_repositories(
    emulator: GitHubEmulator, session: aiohttp.ClientSession
) -> None:
    made = await _make(emulator, session)
    assert made["owner"]["login"] == "alice"
    status, _, page = await _posts(session, f"{made['html_url']}/installations/new", {})
    assert (status, "It is private and belongs to alice" in page) == (403, True)
    public = await _make(emulator, session, name="Public", public=True)
    assert (await _posts(session, f"{public['html_url']}/installations/new", {}))[0] == 200
    async with session.get(f"{emulator.url}/apps/nobody") as answer:
        assert answer.status == 404


async def test_installed_app_has_its_own_webhook(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, receiver: Receiver
) -> None:
    made = await _make(emulator, session, "/organizations/octo", hook_attributes={"url": receiver.url})
    emulator.comment("alice", 2, "To the first App")
    assert (await _as_app(emulator, session, made).get("/app/hook/deliveries")).document == []
    await _posts(session, f"{made['html_url']}/installations/new", {})
    emulator.comment("alice", 2, "To the new one")
    emulator.label("alice", 1, "bug")
    await emulator.idle()
    installation = _app(emulator, made).installation_id
    assert [(each.event, each.installation_id) for each in emulator.deliveries] == [
        ("issue_comment", 1),
        ("issue_comment", 1),
        ("issue_comment", installation),
        ("pull_request", 1),
    ]
    app = _as_app(emulator, session, made)
    (logged,) = (await app.get("/app/hook/deliveries")).document
    (received,) = receiver.received[2:3]
    assert (logged["guid"], logged["installation_id"]) == (received.headers["X-GitHub-Delivery"], installation)
    assert json.loads(received.body)["installation"]["id"] == installation
    assert (await app.post(f"/app/hook/deliveries/{emulator.deliveries[0].id}/attempts")).status == 404
    assert (await app.get("/app/hook/config")).document["secret"] == "********"
    signed = hmac.new(made["webhook_secret"].encode(), received.body, "sha256").hexdigest()
    assert received.headers["X-Hub-Signature-256"] == f"sha256={signed}"


async def test_api_is_below_api_v3_too(emulator: GitHubEmulator, alice: Person) -> None:
    answer = await alice.get(f"/api/v3{REPO}/issues?per_page=1")
    assert (answer.status, "/api/v3/repos/octo/shop/issues" in answer.headers["Link"]) == (200, True)
    viewer = await alice.post("/api/graphql", {"query": "{ viewer { login } }"})
    assert viewer.document == {"data": {"viewer": {"login": "alice"}}}


async def test_reset_removes_created_apps(emulator: GitHubEmulator, session: aiohttp.ClientSession) -> None:
    made = await _make(emulator, session, "/organizations/octo")
    emulator.world.install(_app(emulator, made))
    emulator.control.reset()
    assert (await _as_app(emulator, session, made).get("/app")).status == 404
    emulator.comment("alice", 2, "To the first App")
    assert emulator.deliveries[0].installation_id == 1
