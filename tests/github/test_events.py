"""What deliveries tell of."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.github.events import ChecksFailed, CommentEdited, CommentPosted, LabelChanged, MalformedEventError, parse
from bot.github.models import Comment, CommentKind, Person, Thread

ALICE = {"login": "alice", "type": "User"}
BOT = {"login": "codegen-bot[bot]", "type": "Bot"}
REPOSITORY = {"full_name": "octo/shop", "private": True}
PULL_REQUEST = {
    "number": 1,
    "title": "Fix the checkout",
    "body": None,
    "html_url": "https://github.com/octo/shop/pull/1",
    "user": ALICE,
}
ISSUE = {
    "number": 2,
    "title": "Prices are shown without tax",
    "body": "They are.",
    "html_url": "https://github.com/octo/shop/issues/2",
    "user": None,
}
EXAMPLES = Path(__file__).parents[3] / "shared" / "specs" / "github-webhook-examples.json"

PULL_REQUEST_THREAD = Thread(
    repository="octo/shop",
    number=1,
    is_pull_request=True,
    title="Fix the checkout",
    body="",
    url="https://github.com/octo/shop/pull/1",
    author="alice",
    is_private=True,
)


def written(**more: Any) -> dict[str, Any]:
    return {"id": 7, "body": "/codegen help", "user": ALICE, "html_url": "https://github.com/octo/shop/c7", **more}


def payload(action: str, **parts: Any) -> dict[str, Any]:
    return {"action": action, "repository": REPOSITORY, "sender": ALICE, **parts}


REVIEW_COMMENT = written(path="app/checkout.py", line=3, diff_hunk="@@ -1 +1 @@")
PAYLOADS = {
    "issue_comment": payload("created", issue=ISSUE, comment=written()),
    "pull_request_review_comment": payload("created", pull_request=PULL_REQUEST, comment=REVIEW_COMMENT),
    "pull_request_review": payload("submitted", pull_request=PULL_REQUEST, review=written()),
}


def test_parse_comment_on_issue() -> None:
    event = parse("issue_comment", PAYLOADS["issue_comment"] | {"installation": {"id": 9}})
    assert event == CommentPosted(
        thread=Thread(
            repository="octo/shop",
            number=2,
            is_pull_request=False,
            title="Prices are shown without tax",
            body="They are.",
            url="https://github.com/octo/shop/issues/2",
            author="ghost",
            is_private=True,
        ),
        comment=Comment(
            kind=CommentKind.ISSUE_COMMENT,
            id=7,
            body="/codegen help",
            author=Person("alice", is_bot=False),
            url="https://github.com/octo/shop/c7",
        ),
        sender=Person("alice", is_bot=False),
        installation_id=9,
    )


def test_parse_comment_on_pull_request() -> None:
    issue = PULL_REQUEST | {"pull_request": {"url": "https://api.github.com/repos/octo/shop/pulls/1"}}
    event = parse("issue_comment", payload("created", issue=issue, comment=written(user=BOT)))
    assert isinstance(event, CommentPosted)
    assert event.thread == PULL_REQUEST_THREAD
    assert event.comment.author == Person("codegen-bot[bot]", is_bot=True)
    assert event.installation_id is None


def test_parse_review_comment_on_line() -> None:
    event = parse("pull_request_review_comment", PAYLOADS["pull_request_review_comment"])
    assert isinstance(event, CommentPosted)
    assert event.thread == PULL_REQUEST_THREAD
    comment = event.comment
    assert (comment.kind, comment.path, comment.line, comment.diff_hunk) == (
        CommentKind.REVIEW_COMMENT,
        "app/checkout.py",
        3,
        "@@ -1 +1 @@",
    )


def test_parse_review_comment_on_outdated_line() -> None:
    comment = REVIEW_COMMENT | {"line": None, "original_line": 5}
    event = parse("pull_request_review_comment", payload("created", pull_request=PULL_REQUEST, comment=comment))
    assert isinstance(event, CommentPosted)
    assert event.comment.line == 5


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({}, (3, None, False, False, False)),
        ({"subject_type": "file", "line": 1, "original_line": 1, "side": "RIGHT"}, (None, None, False, False, False)),
        ({"subject_type": "file", "line": None, "original_line": 1}, (None, None, False, False, False)),
        ({"start_line": 1, "start_side": "RIGHT", "side": "RIGHT"}, (3, 1, False, False, False)),
        ({"side": "LEFT"}, (3, None, True, True, False)),
        ({"side": "RIGHT", "start_line": 2, "start_side": "LEFT"}, (3, 2, False, True, False)),
        (
            {"line": None, "original_line": 5, "start_line": None, "original_start_line": 4, "side": "LEFT"},
            (5, 4, True, True, True),
        ),
    ],
    ids=["line", "file", "outdated file", "range", "left", "across", "outdated range"],
)
def test_parse_review_comments_lines(place: dict[str, Any], expected: tuple[object, ...]) -> None:
    document = payload("created", pull_request=PULL_REQUEST, comment=REVIEW_COMMENT | place)
    event = parse("pull_request_review_comment", document)
    assert isinstance(event, CommentPosted)
    comment = event.comment
    assert expected == (
        comment.line,
        comment.start_line,
        comment.is_before,
        comment.start_is_before,
        comment.is_outdated,
    )


def test_parse_review_comment_of_an_old_server() -> None:
    old = {name: value for name, value in REVIEW_COMMENT.items() if name != "line"}
    for position, is_outdated in ((4, False), (None, True)):
        comment = old | {"position": position, "original_line": 5}
        event = parse("pull_request_review_comment", payload("created", pull_request=PULL_REQUEST, comment=comment))
        assert isinstance(event, CommentPosted)
        assert (event.comment.line, event.comment.is_outdated) == (5, is_outdated)


@pytest.mark.parametrize(("action", "on"), [("labeled", True), ("unlabeled", False)])
@pytest.mark.parametrize(("name", "part"), [("issues", ISSUE), ("pull_request", PULL_REQUEST)])
def test_parse_label_added_or_removed(name: str, part: dict[str, Any], action: str, on: bool) -> None:  # noqa: FBT001
    key = "issue" if name == "issues" else "pull_request"
    part = part | {"updated_at": "2026-01-01T12:00:00Z"}
    event = parse(name, payload(action, label={"name": "codegen:run"}, **{key: part}))
    assert isinstance(event, LabelChanged)
    assert (event.label, event.on, event.sender) == ("codegen:run", on, Person("alice", is_bot=False))
    assert event.thread.is_pull_request is (name == "pull_request")
    assert event.at == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_parse_deleted_label_is_none() -> None:
    assert parse("issues", payload("unlabeled", issue=ISSUE)) is None


def test_parse_review_body() -> None:
    event = parse("pull_request_review", PAYLOADS["pull_request_review"])
    assert isinstance(event, CommentPosted)
    assert event.thread == PULL_REQUEST_THREAD
    assert event.comment.kind is CommentKind.REVIEW


def test_parse_review_without_body_is_none() -> None:
    assert parse("pull_request_review", PAYLOADS["pull_request_review"] | {"review": written(body=None)}) is None


@pytest.mark.parametrize("name", PAYLOADS)
def test_parse_edit_has_previous_text(name: str) -> None:
    edited = PAYLOADS[name] | {"action": "edited", "changes": {"body": {"from": "hello"}}, "sender": BOT}
    event = parse(name, edited)
    assert isinstance(event, CommentEdited)
    assert event.before == "hello"
    assert event.comment.body == "/codegen help"
    assert event.sender == Person("codegen-bot[bot]", is_bot=True)


def test_parse_edit_of_empty_text() -> None:
    event = parse(
        "pull_request_review",
        PAYLOADS["pull_request_review"] | {"action": "edited", "changes": {"body": {"from": None}}},
    )
    assert isinstance(event, CommentEdited)
    assert event.before == ""


def test_parse_edit_of_other_parts_is_none() -> None:
    assert parse("issue_comment", PAYLOADS["issue_comment"] | {"action": "edited", "changes": {}}) is None


@pytest.mark.parametrize("name", PAYLOADS)
@pytest.mark.parametrize("action", ["deleted", "dismissed", "pinned", None, 5, ["created"]])
def test_parse_other_actions_are_none(name: str, action: object) -> None:
    assert parse(name, PAYLOADS[name] | {"action": action}) is None


@pytest.mark.parametrize("name", ["ping", "push", "issues", "pull_request", "discussion_comment", "no such event", ""])
def test_parse_other_events_are_none(name: str) -> None:
    assert parse(name, {"action": "created"}) is None


def _paths(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """Where every value stands that a comment cannot do without."""
    spared = {"installation", "type", "line", "action"}
    found: list[tuple[str, ...]] = []
    for key, value in document.items():
        if key in spared or (key == "body" and "title" in document):
            continue
        found.append((key,))
        if isinstance(value, dict):
            found += [(key, *rest) for rest in _paths(value)]
    return found


@pytest.mark.parametrize(("name", "path"), [(name, path) for name in PAYLOADS for path in _paths(PAYLOADS[name])])
@pytest.mark.parametrize("how", ["missing", "a list"])
def test_parse_payload_without_part_is_malformed(name: str, path: tuple[str, ...], how: str) -> None:
    """And the error names the part, whatever it is."""
    broken = copy.deepcopy(PAYLOADS[name])
    place: Any = broken
    for key in path[:-1]:
        place = place[key]
    if how == "missing":
        del place[path[-1]]
    else:
        place[path[-1]] = []
    with pytest.raises(MalformedEventError, match=path[-1]):
        parse(name, broken)


def test_parse_edit_without_changes_is_malformed() -> None:
    with pytest.raises(MalformedEventError, match="changes"):
        parse("issue_comment", PAYLOADS["issue_comment"] | {"action": "edited"})


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_parse_payload_no_object_is_malformed(document: object) -> None:
    with pytest.raises(MalformedEventError):
        parse("issue_comment", document)


def test_malformed_event_error_quotes_nothing() -> None:
    """It is answered to whoever delivers, and logged."""
    broken = PAYLOADS["issue_comment"] | {"comment": written(id="a private word")}
    with pytest.raises(MalformedEventError) as caught:
        parse("issue_comment", broken)
    assert "private" not in str(caught.value)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the published examples are not at hand")
def test_parse_every_published_example() -> None:
    kinds: dict[str, int] = {}
    for event in json.loads(EXAMPLES.read_text(encoding="utf-8")):
        for example in event["examples"]:
            told = parse(event["name"], example)
            key = f"{event['name']} {type(told).__name__}"
            kinds[key] = kinds.get(key, 0) + 1
            if told is not None:
                assert not isinstance(told, ChecksFailed)
                assert told.label if isinstance(told, LabelChanged) else told.comment.body
                assert told.thread.url.startswith("https://github.com/")
    assert sum(kinds.values()) == 55
    assert {key: count for key, count in kinds.items() if not key.endswith("NoneType")} == {
        "issue_comment CommentPosted": 3,
        "issue_comment CommentEdited": 1,
        "pull_request_review_comment CommentPosted": 2,
        "pull_request_review_comment CommentEdited": 1,
        "issues LabelChanged": 2,
        "pull_request LabelChanged": 2,
    }
