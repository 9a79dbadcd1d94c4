"""Tokens, roles, pages, rate limits, and the control endpoints."""

from __future__ import annotations

import base64
import time

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.access import Limiter
from bot.emulators.operations import Refused
from tests.emulators.github.calls import set_scene
from tests.emulators.github.people import REPO, Answer, App, Person
from tests.emulators.github.receiver import Receiver, receiving
from tests.harness.clock import Clock

COMMENTS = f"{REPO}/issues/1/comments"


# Tokens


async def test_token_acts_as_its_user(alice: Person, the_bot: Person) -> None:
    for person, login in ((alice, "alice"), (the_bot, "codegen-bot[bot]")):
        assert (await person.get("/user")).document["login"] == login
        assert (await person.post(COMMENTS, {"body": "Hello"})).document["user"]["login"] == login


@pytest.mark.parametrize(
    ("token", "message"),
    [("as-nobody", "Bad credentials"), ("ghp_x", "Bad credentials"), (None, "Requires authentication")],
)
async def test_token_unknown_is_refused(
    emulator: GitHubEmulator, alice: Person, token: str | None, message: str
) -> None:
    answer = await Person(alice.session, emulator.url, token).get(REPO)
    assert (answer.status, answer.document["message"]) == (401, message)


async def test_names_ignore_case(alice: Person) -> None:
    answer = await alice.get("/repos/Octo/SHOP/collaborators/BOB/permission")
    assert answer.document["user"]["login"] == "bob"
    assert (await alice.get(f"{REPO}/labels/BUG")).document["name"] == "bug"


# Roles


async def test_private_repository_without_role_is_404(dave: Person) -> None:
    assert (await dave.get(REPO)).status == 404
    assert (await dave.post(COMMENTS, {"body": "Hello"})).status == 404


async def test_public_repository_is_readable_by_anyone(emulator: GitHubEmulator, alice: Person, dave: Person) -> None:
    emulator.world.private = False
    document = (await dave.get(REPO)).document
    assert (document["visibility"], document["private"]) == ("public", False)
    assert document["permissions"] == dict.fromkeys(("triage", "push", "maintain", "admin"), False) | {"pull": True}
    comment = (await dave.post(COMMENTS, {"body": "Hello"})).document
    assert (await dave.post(f"{REPO}/issues/comments/{comment['id']}/reactions", {"content": "eyes"})).status == 201
    assert (await dave.post(f"{REPO}/issues", {"title": "Mine", "labels": ["bug"]})).document["labels"] == []
    assert (await dave.post(f"{REPO}/issues/1/labels", {"labels": ["bug"]})).status == 403
    permission = (await alice.get(f"{REPO}/collaborators/dave/permission")).document
    assert (permission["permission"], permission["role_name"]) == ("read", "read")


PERMISSIONS = [
    ("admin", "admin"),
    ("maintain", "write"),
    ("write", "write"),
    ("triage", "read"),
    ("read", "read"),
    ("none", "none"),
]


@pytest.mark.parametrize(("role", "permission"), PERMISSIONS)
async def test_permission_reports_level_and_role_name(alice: Person, role: str, permission: str) -> None:
    await alice.post("/_emulator/people", {"login": "erin", "role": role})
    document = (await alice.get(f"{REPO}/collaborators/erin/permission")).document
    assert (document["permission"], document["role_name"]) == (permission, role)


async def test_labels_need_triage_and_creation_needs_write(emulator: GitHubEmulator, carol: Person) -> None:
    statuses = []
    for role in ("read", "triage", "write"):
        await carol.post("/_emulator/people", {"login": "carol", "role": role})
        put_on = await carol.post(f"{REPO}/issues/1/labels", {"labels": ["bug"]})
        made = await carol.post(f"{REPO}/labels", {"name": f"by {role}"})
        statuses.append((put_on.status, made.status))
    assert statuses == [(403, 403), (200, 403), (200, 201)]


async def test_comment_of_another_user_needs_write(bob: Person, carol: Person, alice: Person) -> None:
    path = f"{REPO}/issues/comments/{(await alice.post(COMMENTS, {'body': 'Mine'})).document['id']}"
    for method in ("PATCH", "DELETE"):
        assert (await carol.ask(method, path, {"body": "Yours"})).status == 403
    assert (await bob.ask("PATCH", path, {"body": "Ours"})).document["body"] == "Ours"
    assert (await bob.ask("DELETE", path)).status == 204
    assert (await alice.get(path)).status == 404


async def test_reaction_is_unique_and_removed_by_its_owner(alice: Person, bob: Person) -> None:
    first, second = [await alice.post(f"{REPO}/issues/2/reactions", {"content": "+1"}) for _ in range(2)]
    assert (first.status, second.status) == (201, 200)
    assert first.document == second.document
    path = f"{REPO}/issues/2/reactions/{first.document['id']}"
    assert (await bob.ask("DELETE", path)).status == 404
    assert (await alice.get(f"{REPO}/issues/2")).document["reactions"]["+1"] == 1
    assert (await alice.ask("DELETE", path)).status == 204
    assert (await alice.get(f"{REPO}/issues/2")).document["reactions"]["total_count"] == 0


async def test_review_cannot_approve_own_pull_request(alice: Person, bob: Person) -> None:
    statuses = [(await who.post(f"{REPO}/pulls/1/reviews", {"event": "APPROVE"})).status for who in (alice, bob)]
    assert statuses == [422, 200]


# The App


def _app(emulator: GitHubEmulator, person: Person, token: str, scheme: str = "bearer") -> Person:
    return Person(person.session, emulator.url, token, scheme)


async def test_installation_token_acts_as_the_bot(emulator: GitHubEmulator, alice: Person, app: App) -> None:
    emulator.tokens.app_public_key = app.public_pem
    answer = await _app(emulator, alice, app.token()).post("/app/installations/1/access_tokens")
    assert answer.status == 201
    installation = _app(emulator, alice, answer.document["token"], "token")
    assert (await installation.post(COMMENTS, {"body": "Hi"})).document["user"]["login"] == "codegen-bot[bot]"
    refused = await installation.get("/user")
    assert (refused.status, refused.document["message"]) == (403, "Resource not accessible by integration")


async def test_installation_unknown_gives_no_token(emulator: GitHubEmulator, alice: Person, app: App) -> None:
    assert (await _app(emulator, alice, app.token()).post("/app/installations/2/access_tokens")).status == 404


async def test_jwt_issuer_may_be_the_client_id(emulator: GitHubEmulator, alice: Person, app: App) -> None:
    client_id = (await _app(emulator, alice, app.token()).get("/app")).document["client_id"]
    assert (await _app(emulator, alice, app.token(issuer=client_id)).get("/app")).status == 200


BAD_JWTS = [
    ({"issued": -700, "expires": -30}, 401),
    ({"expires": 700}, 401),
    ({"issued": 300}, 401),
    ({"issuer": "2"}, 404),
]


@pytest.mark.parametrize(("claims", "status"), BAD_JWTS)
async def test_jwt_with_invalid_claims_is_refused(
    emulator: GitHubEmulator, alice: Person, app: App, claims: dict[str, float], status: int
) -> None:
    assert (await _app(emulator, alice, app.token(**claims)).get("/app")).status == status  # type: ignore[arg-type]


async def test_jwt_signed_with_another_key_is_refused(emulator: GitHubEmulator, alice: Person, app: App) -> None:
    other = App(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    emulator.tokens.app_public_key = other.public_pem
    assert (await _app(emulator, alice, app.token()).get("/app")).status == 401


async def test_app_needs_a_jwt_as_bearer(emulator: GitHubEmulator, alice: Person, the_bot: Person, app: App) -> None:
    assert (await _app(emulator, alice, app.token(), "token").get("/app")).status == 401
    assert (await the_bot.get("/app")).status == 401
    assert (await _app(emulator, alice, app.token()).get(REPO)).status == 401


# Pages and ETags


def _links(answer: Answer) -> dict[str, str]:
    parts = [part.partition("; ") for part in answer.headers.get("Link", "").split(", ") if part]
    return {rel.removeprefix('rel="').removesuffix('"'): url.strip("<>") for url, _, rel in parts}


async def test_list_is_paged_by_links(emulator: GitHubEmulator, alice: Person) -> None:
    for number in range(7):
        emulator.comment("carol", 1, f"Number {number}")
    answer, bodies = await alice.get(f"{COMMENTS}?per_page=3"), []
    assert set(_links(answer)) == {"next", "last"}
    while True:
        bodies += [comment["body"] for comment in answer.document]
        if "next" not in (links := _links(answer)):
            break
        answer = await alice.get(links["next"].removeprefix(emulator.url))
    assert bodies == [f"Number {number}" for number in range(7)]
    assert set(_links(answer)) == {"prev", "first"}
    assert _links(await alice.get(COMMENTS)) == {}


async def test_page_size_is_30_and_at_most_100(emulator: GitHubEmulator, alice: Person) -> None:
    for number in range(101):
        emulator.world.write("carol", 1, f"Number {number}")
    sizes = [len((await alice.get(f"{COMMENTS}{query}")).document) for query in ("", "?per_page=101", "?page=9")]
    assert sizes == [30, 100, 0]


async def test_deliveries_are_paged_by_cursor_newest_first(
    emulator: GitHubEmulator, receiver: Receiver, alice: Person
) -> None:
    receiver.statuses = [200, 500]
    for number in range(5):
        emulator.comment("carol", 1, f"Number {number}")
    await emulator.idle()
    path = f"{REPO}/hooks/1/deliveries"
    first = await alice.get(f"{path}?per_page=3")
    emulator.comment("carol", 1, "In between")
    second = await alice.get(_links(first)["next"].removeprefix(emulator.url))
    ids = [delivery["id"] for answer in (first, second) for delivery in answer.document]
    assert ids == [delivery.id for delivery in reversed(emulator.deliveries[:5])]
    failed = (await alice.get(f"{path}?status=failure&per_page=100")).document
    assert [delivery["status_code"] for delivery in failed if delivery["status_code"]] == [500]


async def test_comments_since_filters_by_update_time(emulator: GitHubEmulator, alice: Person) -> None:
    emulator.comment("carol", 1, "Now")
    hour_ago, in_an_hour = [
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset)) for offset in (-3600, 3600)
    ]
    assert len((await alice.get(f"{COMMENTS}?since={hour_ago}")).document) == 1
    assert (await alice.get(f"{COMMENTS}?since={in_an_hour}")).document == []


async def test_etag_match_is_304_and_free(alice: Person) -> None:
    first = await alice.get(REPO)
    again = await alice.ask("GET", REPO, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["X-RateLimit-Used"] == first.headers["X-RateLimit-Used"] == "1"


async def test_etag_changes_with_the_content(emulator: GitHubEmulator, alice: Person) -> None:
    etag = (await alice.get(COMMENTS)).headers["ETag"]
    emulator.comment("carol", 1, "New")
    again = await alice.ask("GET", COMMENTS, headers={"If-None-Match": etag})
    assert again.status == 200
    assert len(again.document) == 1


# Limits


async def test_rate_limit_headers_on_every_response(alice: Person, bob: Person) -> None:
    for used in ("1", "2"):
        headers = (await alice.get(REPO)).headers
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Used"]) == ("5000", used)
        assert int(headers["X-RateLimit-Remaining"]) == 5000 - int(used)
        assert headers["X-RateLimit-Resource"] == "core"
        assert 3590 < int(headers["X-RateLimit-Reset"]) - time.time() <= 3601
    assert (await bob.get(REPO)).headers["X-RateLimit-Used"] == "1"


async def test_rate_limit_refuses_until_the_hour_ends(session: aiohttp.ClientSession) -> None:
    """Other accounts are not concerned."""
    clock = Clock()
    async with GitHubEmulator(hourly=3, clock=clock) as emulator:
        alice, bob = (Person(session, emulator.url, token) for token in ("as-alice", "as-bob"))
        assert [(await alice.get(REPO)).status for _ in range(4)] == [200, 200, 200, 403]
        clock.now = 1800.0
        refused = await alice.get(REPO)
        assert refused.document["message"].startswith("API rate limit exceeded")
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert 1790 < int(refused.headers["X-RateLimit-Reset"]) - time.time() <= 1801
        assert (await bob.get(REPO)).status == 200
        clock.now = 3600.0
        assert (await alice.get(REPO)).status == 200


async def test_secondary_limit_by_the_minute(session: aiohttp.ClientSession) -> None:
    clock = Clock()
    async with GitHubEmulator(clock=clock) as emulator:
        alice = Person(session, emulator.url, "as-alice")
        path = f"{REPO}/issues/1/reactions"
        assert {(await alice.post(path, {"content": "+1"})).status for _ in range(80)} == {200, 201}
        clock.now = 20.0
        refused = await alice.post(path, {"content": "+1"})
        assert (refused.status, refused.headers["Retry-After"]) == (403, "40")
        assert "secondary rate limit" in refused.document["message"]
        assert (await alice.get(REPO)).status == 200
        clock.now = 60.0
        assert (await alice.post(path, {"content": "+1"})).status == 200


def test_secondary_limit_by_the_hour() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock)
    for _ in range(500):
        limiter.count_write("alice")
        clock.now += 1.0
    with pytest.raises(Refused) as caught:
        limiter.count_write("alice")
    assert (caught.value.status, caught.value.headers) == (403, {"Retry-After": "3100"})
    clock.now = 3600.0
    limiter.count_write("alice")


async def test_limits_can_be_disabled(session: aiohttp.ClientSession) -> None:
    async with GitHubEmulator(limits=False, hourly=1) as emulator:
        alice = Person(session, emulator.url, "as-alice")
        assert [(await alice.get(REPO)).status for _ in range(3)] == [200] * 3


# Control


async def test_fault_applies_as_often_as_scripted(alice: Person) -> None:
    fault = {"path": "comments", "status": 502, "headers": {"Retry-After": "7"}, "body": {"message": "Bad"}, "times": 2}
    assert (await alice.post("/_emulator/faults", fault)).status == 201
    assert (await alice.get(REPO)).status == 200
    answers = [await alice.get(COMMENTS) for _ in range(3)]
    assert [answer.status for answer in answers] == [502, 502, 200]
    assert (answers[0].headers["Retry-After"], answers[0].document) == ("7", {"message": "Bad"})


async def test_fault_drop_after_work(emulator: GitHubEmulator, alice: Person) -> None:
    """The worst case: the comment exists, and the client does not know."""
    fault = {"path": "comments", "method": "POST", "action": "drop", "after_work": True}
    await alice.post("/_emulator/faults", fault)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await alice.post(COMMENTS, {"body": "Lost"})
    assert [comment.body for comment in emulator.comments(1)] == ["Lost"]


async def test_fault_invalid_is_refused(alice: Person) -> None:
    for fault in ({"action": "explode"}, {"colour": "red"}, {"path": "("}):
        assert (await alice.post("/_emulator/faults", fault)).status == 422


async def test_push_moves_the_head_and_keeps_commits(emulator: GitHubEmulator, alice: Person) -> None:
    before = (await alice.get(f"{REPO}/pulls/1")).document["head"]["sha"]
    after = (await alice.post("/_emulator/push", {"number": 1})).document["head_sha"]
    assert (await alice.get(f"{REPO}/pulls/1")).document["head"]["sha"] == after != before
    for ref in (before, after, "fix-checkout", "main"):
        assert (await alice.get(f"{REPO}/commits/{ref}/check-runs")).document["total_count"] == 0
    assert (await alice.post("/_emulator/push", {"number": 2})).status == 404


async def test_control_adds_and_deletes_files(alice: Person) -> None:
    path = ".github/codegen-bot.yml"
    assert (await alice.get(f"{REPO}/contents/{path}")).status == 404
    await alice.post("/_emulator/files", {"path": path, "text": "prefix: /bot\n"})
    assert (await alice.get(f"{REPO}/contents/{path}?ref=main")).document["encoding"] == "base64"
    assert (await alice.get(f"{REPO}/contents/{path}?ref=fix-checkout")).status == 404
    await alice.post("/_emulator/files", {"path": path})
    assert (await alice.get(f"{REPO}/contents/{path}")).status == 404


async def test_control_adds_check_runs(alice: Person) -> None:
    made = await alice.post("/_emulator/check-runs", {"number": 1, "name": "test", "conclusion": "failure"})
    assert (made.status, made.document["conclusion"]) == (201, "failure")
    listed = (await alice.get(f"{REPO}/commits/fix-checkout/check-runs")).document["check_runs"]
    assert listed == [made.document]
    refused = await alice.post("/_emulator/check-runs", {"number": 1, "name": "test", "conclusion": "splendid"})
    assert refused.status == 422


async def test_control_redelivers(emulator: GitHubEmulator, receiver: Receiver, alice: Person) -> None:
    emulator.comment("carol", 1, "Once")
    answer = await alice.post(f"/_emulator/deliveries/{emulator.deliveries[0].id}/redeliver")
    assert (answer.status, answer.document["redelivery"]) == (201, True)
    await emulator.idle()
    assert len(receiver.received) == 2
    listed = (await alice.get("/_emulator/webhooks")).document
    assert [delivery["payload"]["comment"]["body"] for delivery in listed] == ["Once", "Once"]
    assert (await alice.post("/_emulator/deliveries/7/redeliver")).status == 404


async def test_app_redelivers_failed_deliveries(
    emulator: GitHubEmulator, receiver: Receiver, alice: Person, app: App
) -> None:
    receiver.statuses = [503]
    emulator.comment("carol", 1, "Once")
    await emulator.idle()
    as_app = _app(emulator, alice, app.token())
    (failed,) = (await as_app.get("/app/hook/deliveries?status=failure")).document
    assert (await as_app.post(f"/app/hook/deliveries/{failed['id']}/attempts")).status == 202
    await emulator.idle()
    again, _ = (await as_app.get("/app/hook/deliveries")).document
    assert (again["guid"], again["redelivery"], again["status_code"]) == (failed["guid"], True, 200)
    assert (await as_app.post("/app/hook/deliveries/7/attempts")).status == 404


async def test_control_changes_the_webhook_target(emulator: GitHubEmulator, receiver: Receiver, alice: Person) -> None:
    async with receiving() as other:
        await alice.post("/_emulator/webhook-target", {"url": other.url, "secret": ""})
        emulator.comment("carol", 1, "Over there")
        await emulator.idle()
        assert (len(receiver.received), len(other.received)) == (0, 1)
    assert "X-Hub-Signature-256" not in other.received[0].headers


async def test_token_as_a_password(emulator: GitHubEmulator, alice: Person) -> None:
    """As on GitHub, the API takes a basic credential too, whatever its user."""
    for password, status in (("as-alice", 200), ("as-nobody", 401)):
        credential = base64.b64encode(f"x-access-token:{password}".encode()).decode()
        assert (await Person(alice.session, emulator.url, credential, "Basic").get(REPO)).status == status
    for broken in ("as-alice", "YQ==", "/w=="):
        assert (await Person(alice.session, emulator.url, broken, "Basic").get(REPO)).status == 401


async def test_journal_records_requests_without_tokens(emulator: GitHubEmulator, alice: Person) -> None:
    await alice.post(COMMENTS, {"body": "Hello"})
    await alice.get("/nowhere?x=1")
    answer = await alice.get("/_emulator/requests")
    first, second = answer.document
    assert (first["method"], first["path"], first["body"]) == ("POST", COMMENTS, {"body": "Hello"})
    assert (first["actor"], first["status"], first["routed"]) == ("alice", 201, True)
    assert (second["query"], second["status"], second["routed"]) == ({"x": "1"}, 404, False)
    assert "as-alice" not in answer.text
    await alice.ask("DELETE", "/_emulator/requests")
    assert (await alice.get("/_emulator/requests")).document == []


async def test_reset_restores_the_initial_state(emulator: GitHubEmulator, alice: Person, app: App) -> None:
    before = (await alice.get(f"{REPO}/pulls/1")).document["head"]["sha"]
    set_scene(emulator)
    emulator.world.private = False
    await alice.post("/_emulator/push", {"number": 1})
    token = (await _app(emulator, alice, app.token()).post("/app/installations/1/access_tokens")).document["token"]
    await alice.post("/_emulator/faults", {"times": None})
    assert (await alice.post("/_emulator/reset")).status == 204
    assert (await alice.get("/_emulator/requests")).document == []
    assert (await alice.get(REPO)).headers["X-RateLimit-Used"] == "1"
    assert (await alice.get(f"{REPO}/pulls/1")).document["head"]["sha"] == before
    assert (await alice.get(COMMENTS)).document == (await alice.get("/_emulator/webhooks")).document == []
    assert (await alice.get(REPO)).document["private"] is True
    assert (await _app(emulator, alice, token, "token").get(REPO)).status == 401


async def test_reset_keeps_sending_webhooks(emulator: GitHubEmulator, receiver: Receiver, alice: Person) -> None:
    emulator.comment("carol", 1, "Before")
    await emulator.idle()
    await alice.post("/_emulator/reset")
    emulator.comment("carol", 1, "After")
    await emulator.idle()
    assert [received.body.count(b"After") for received in receiver.received] == [0, 1]
