"""Every webhook that the emulator sends is one that githubkit's models of GitHub's webhooks read."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from githubkit.webhooks import parse, verify

from bot.emulators.github import GitHubEmulator
from tests.emulators.github.conftest import SECRET
from tests.emulators.github.people import REPO, Person
from tests.emulators.github.receiver import Received, Receiver

Act = Callable[[GitHubEmulator, Person], Awaitable[Any]]


async def _in_process(emulator: GitHubEmulator, _: Person) -> None:
    """Everything that people do without a request."""
    for number in (1, 2):
        comment = emulator.comment("carol", number, "Is this right?")
        emulator.edit(comment, "Is this right at all?")
        emulator.edit(comment, "It is.", login="alice")
        emulator.delete(comment)
        emulator.label("bob", number, "bug")
        emulator.unlabel("bob", number, "bug")
    remark = emulator.review_comment("bob", 1, "Why twice?")
    emulator.edit(remark, "Why rounded twice?")
    review = emulator.review("bob", 1, "Two remarks.")
    emulator.edit(review, "One remark.")
    emulator.open_issue("carol", "A third", None)


async def _over_http(emulator: GitHubEmulator, alice: Person) -> None:
    """Everything that people do by GitHub's own API, and the push."""
    for number in (1, 2):
        comment = (await alice.post(f"{REPO}/issues/{number}/comments", {"body": "Fine?"})).document
        await alice.ask("PATCH", f"{REPO}/issues/comments/{comment['id']}", {"body": "Fine."})
        await alice.ask("DELETE", f"{REPO}/issues/comments/{comment['id']}")
        await alice.post(f"{REPO}/issues/{number}/labels", {"labels": ["new"]})
        await alice.ask("DELETE", f"{REPO}/issues/{number}/labels/new")
    sha = emulator.world.threads[1].head_sha
    place = {"commit_id": sha, "path": "app/checkout.py", "line": 2}
    remark = (await alice.post(f"{REPO}/pulls/1/comments", {"body": "Why?", **place})).document
    await alice.post(f"{REPO}/pulls/1/comments/{remark['id']}/replies", {"body": "Because."})
    await alice.ask("PATCH", f"{REPO}/pulls/comments/{remark['id']}", {"body": "Why twice?"})
    await alice.post(f"{REPO}/pulls/1/reviews", {"event": "COMMENT", "body": "Fine."})
    await alice.post(f"{REPO}/issues", {"title": "A third"})
    await alice.post("/_emulator/push", {"number": 1})


COMMENTED = ["issue_comment created", "issue_comment edited", "issue_comment deleted"]

SENT: dict[Act, list[str]] = {
    _in_process: [
        *["issue_comment created", "issue_comment edited", "issue_comment edited", "issue_comment deleted"],
        *["pull_request labeled", "pull_request unlabeled"],
        *["issue_comment created", "issue_comment edited", "issue_comment edited", "issue_comment deleted"],
        *["issues labeled", "issues unlabeled"],
        *["pull_request_review_comment created", "pull_request_review_comment edited"],
        *["pull_request_review submitted", "pull_request_review edited"],
        "issues opened",
    ],
    _over_http: [
        *COMMENTED,
        *["pull_request labeled", "pull_request unlabeled"],
        *COMMENTED,
        *["issues labeled", "issues unlabeled"],
        *["pull_request_review_comment created"] * 2,
        "pull_request_review_comment edited",
        "pull_request_review submitted",
        "issues opened",
        "pull_request synchronize",
    ],
}


@pytest.mark.parametrize("act", SENT)
async def test_webhooks_match_githubkit_models(
    emulator: GitHubEmulator, receiver: Receiver, alice: Person, act: Act
) -> None:
    await act(emulator, alice)
    await emulator.idle()
    names = []
    for received in receiver.received:
        event = parse(received.event, received.body)
        names.append(f"{received.event} {getattr(event, 'action', None)}")
        assert json.loads(received.body)["installation"]["id"] == 1
    assert names == SENT[act]


async def _one(emulator: GitHubEmulator, receiver: Receiver) -> Received:
    emulator.comment("carol", 1, "Is this right? é")
    await emulator.idle()
    (received,) = receiver.received
    return received


async def test_webhook_for_failed_checks_names_commit_and_pull_request(
    emulator: GitHubEmulator, receiver: Receiver, alice: Person
) -> None:
    for name, conclusion in (("build", "success"), ("test", "failure")):
        given = {"number": 1, "name": name, "conclusion": conclusion, "app": "github-actions"}
        await alice.post("/_emulator/check-runs", given)
    assert (await alice.post("/_emulator/check-suites", {"number": 1})).status == 204
    assert (await alice.post("/_emulator/check-suites", {"number": 2})).status == 404
    await emulator.idle()

    (received,) = receiver.received
    suite = parse("check_suite", received.body).check_suite
    assert (received.event, suite.conclusion, suite.head_sha) == (
        "check_suite",
        "failure",
        emulator.world.threads[1].head_sha,
    )
    assert [each.number for each in suite.pull_requests] == [1]


async def test_webhook_has_githubs_headers(emulator: GitHubEmulator, receiver: Receiver) -> None:
    headers = (await _one(emulator, receiver)).headers
    assert headers["X-GitHub-Event"] == "issue_comment"
    assert str(uuid.UUID(headers["X-GitHub-Delivery"])) == headers["X-GitHub-Delivery"]
    assert headers["X-GitHub-Hook-ID"] == "1"
    assert headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == "1"
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert headers["Content-Type"] == "application/json"


async def test_webhook_is_signed_with_the_secret(emulator: GitHubEmulator, receiver: Receiver) -> None:
    received = await _one(emulator, receiver)
    expected = hmac.new(SECRET.encode(), received.body, hashlib.sha256).hexdigest()
    assert received.headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert verify(SECRET, received.body, received.headers["X-Hub-Signature"])


async def test_webhook_without_secret_is_not_signed(emulator: GitHubEmulator, receiver: Receiver) -> None:
    emulator.webhooks.secret = ""
    headers = (await _one(emulator, receiver)).headers
    assert not [name for name in headers if "Signature" in name]


async def test_webhook_for_the_bots_own_comment(emulator: GitHubEmulator, receiver: Receiver, the_bot: Person) -> None:
    """GitHub sends the bot its own comments back: it must know not to answer them."""
    await the_bot.post(f"{REPO}/issues/1/comments", {"body": "Working on it."})
    await emulator.idle()
    (received,) = receiver.received
    payload = json.loads(received.body)
    parse("issue_comment", received.body)
    assert payload["sender"]["type"] == "Bot"
    assert payload["sender"]["login"] == payload["comment"]["user"]["login"] == "codegen-bot[bot]"
    assert payload["comment"]["performed_via_github_app"]["slug"] == "codegen-bot"


async def test_webhook_for_an_edit_has_old_text_and_editor(emulator: GitHubEmulator, receiver: Receiver) -> None:
    comment = emulator.comment("carol", 1, "Before")
    emulator.edit(comment, "After", login="alice")
    await emulator.idle()
    payload = json.loads(receiver.received[-1].body)
    assert payload["changes"] == {"body": {"from": "Before"}}
    assert (payload["comment"]["body"], payload["comment"]["user"]["login"]) == ("After", "carol")
    assert payload["sender"]["login"] == "alice"


async def test_webhook_for_a_review_without_text(emulator: GitHubEmulator, receiver: Receiver, bob: Person) -> None:
    await bob.post(f"{REPO}/pulls/1/reviews", {"event": "APPROVE"})
    await emulator.idle()
    payload = json.loads(receiver.received[0].body)
    parse("pull_request_review", receiver.received[0].body)
    assert (payload["review"]["state"], payload["review"]["body"]) == ("approved", None)


async def test_webhook_marks_comments_on_pull_requests(emulator: GitHubEmulator, receiver: Receiver) -> None:
    emulator.comment("carol", 1, "On the pull request")
    emulator.comment("carol", 2, "On the issue")
    await emulator.idle()
    issues = [json.loads(received.body)["issue"] for received in receiver.received]
    assert ["pull_request" in issue for issue in issues] == [True, False]


async def test_webhook_for_a_push_has_both_commits(emulator: GitHubEmulator, receiver: Receiver, alice: Person) -> None:
    before = emulator.world.threads[1].head_sha
    pushed = (await alice.post("/_emulator/push", {"number": 1})).document
    await emulator.idle()
    payload = json.loads(receiver.received[0].body)
    assert (payload["action"], payload["before"]) == ("synchronize", before)
    assert payload["after"] == payload["pull_request"]["head"]["sha"] == pushed["head_sha"] != before


async def test_no_webhook_without_a_change(emulator: GitHubEmulator, alice: Person) -> None:
    """An existing label, a reaction, and a refused request."""
    emulator.label("alice", 1, "bug")
    sent = len(emulator.deliveries)
    await alice.post(f"{REPO}/issues/1/labels", {"labels": ["BUG"]})
    await alice.post(f"{REPO}/issues/1/reactions", {"content": "eyes"})
    await alice.post(f"{REPO}/issues/1/comments", {"body": ""})
    assert len(emulator.deliveries) == sent


# Deliveries


async def test_redelivery_keeps_guid_and_body(emulator: GitHubEmulator, receiver: Receiver) -> None:
    first = await _one(emulator, receiver)
    again = emulator.redeliver(emulator.deliveries[0])
    await emulator.idle()
    second = receiver.received[1]
    assert second.body == first.body
    assert second.headers["X-GitHub-Delivery"] == first.headers["X-GitHub-Delivery"] == again.guid
    assert [delivery.redelivery for delivery in emulator.deliveries] == [False, True]
    assert again.id != emulator.deliveries[0].id


async def test_webhooks_arrive_in_order(emulator: GitHubEmulator, receiver: Receiver) -> None:
    for number in range(20):
        emulator.comment("carol", 1, f"Number {number}")
    await emulator.idle()
    bodies = [json.loads(received.body)["comment"]["body"] for received in receiver.received]
    assert bodies == [f"Number {number}" for number in range(20)]


@pytest.mark.parametrize(
    ("status", "text"), [(202, "OK"), (302, "Found"), (401, "Unauthorized"), (500, "Internal Server Error")]
)
async def test_delivery_records_the_response(
    emulator: GitHubEmulator, receiver: Receiver, status: int, text: str
) -> None:
    """Nothing is sent twice by itself, and a redirection is not followed."""
    receiver.statuses = [status]
    await _one(emulator, receiver)
    assert [(each.status_code, each.status) for each in emulator.deliveries] == [(status, text)]


async def test_delivery_fails_without_a_listener(emulator: GitHubEmulator, unused_tcp_port: int) -> None:
    emulator.webhooks.url = f"http://127.0.0.1:{unused_tcp_port}/hook"
    emulator.comment("carol", 1, "Is anybody there?")
    await emulator.idle()
    assert [(each.status_code, each.status) for each in emulator.deliveries] == [(0, "failed to connect to host")]
