"""Events as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bot.github.events import CommentEdited, CommentPosted, Event, LabelChanged, from_json, to_json
from bot.github.models import Comment, CommentKind, Person, Thread

NOON = datetime(2026, 5, 4, 12, 0, 1, tzinfo=UTC)
BOB, CI = Person("bob", is_bot=False), Person("ci[bot]", is_bot=True)
THREAD = Thread(
    repository="octo/shop", number=1, is_pull_request=True, title="é", body="", url="u", author="alice", is_private=True
)
COMMENT = Comment(
    kind=CommentKind.REVIEW_COMMENT, id=7, body="/codegen run", author=BOB, url="c", path="a.py", line=3, diff_hunk="@@"
)


@pytest.mark.parametrize(
    "event",
    [
        CommentPosted(thread=THREAD, comment=COMMENT, sender=BOB, installation_id=5, at=NOON, as_of=NOON),
        CommentPosted(thread=THREAD, comment=COMMENT, sender=BOB, installation_id=None),
        CommentEdited(thread=THREAD, comment=COMMENT, sender=CI, installation_id=None, before="x", at=NOON),
        LabelChanged(thread=THREAD, label="codegen:run", on=True, sender=CI, installation_id=None, at=NOON),
    ],
)
def test_from_json_restores_event(event: Event) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


@pytest.mark.parametrize(
    "document", [{}, {"kind": "other", "event": {}}, {"kind": "label-changed", "event": {"on": 1}}]
)
def test_from_json_unknown_event_is_a_value_error(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unknown kind|validation error"):
        from_json(document)
