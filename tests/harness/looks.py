"""Events with and without a command, for every pre-filter: the server's and the Action's first look."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from bot.text.markers import Marker, Stage, write

_BOB = {"login": "bob", "type": "User"}
_BOT = {"login": "codegen[bot]", "type": "Bot"}
_REPOSITORY = {"full_name": "octo/shop", "private": True}
_THREAD = {
    "number": 1,
    "title": "Fix the checkout",
    "body": "/codegen run is how it is done here",
    "html_url": "https://github.com/octo/shop/pull/1",
    "user": _BOB,
    "updated_at": "2026-11-25T10:00:00Z",
}
REPLY = write(Marker(identity="issue_comment-1-0-0", command="run", stage=Stage.FINISHED, runs=(1,)))


class Case(NamedTuple):
    """An event, and whether it may contain a command."""

    name: str
    event: str
    payload: Mapping[str, Any]
    expected: bool

    def body(self, *, escaped: bool) -> bytes:
        """As GitHub would send it, or with escapes for all that is not ASCII."""
        return json.dumps(self.payload, ensure_ascii=escaped).encode(errors="surrogatepass")


def comment(
    body: object,
    *,
    event: str = "issue_comment",
    action: str = "created",
    author: Mapping[str, Any] | None = _BOB,
    changes: object = None,
) -> dict[str, Any]:
    """The payload of a comment of any kind."""
    written = {
        "id": 4711,
        "body": body,
        "html_url": "https://github.com/octo/shop/pull/1#issuecomment-4711",
        "user": author,
        "updated_at": "2026-11-25T10:00:00Z",
    }
    place = {"path": "cart.py", "diff_hunk": "@@ -1 +1 @@", "line": 1}
    parts: dict[str, Any] = {
        "issue_comment": {"issue": _THREAD, "comment": written},
        "pull_request_review_comment": {"pull_request": _THREAD, "comment": {**written, **place}},
        "pull_request_review": {"pull_request": _THREAD, "review": written},
    }
    more = {} if changes is None else {"changes": changes}
    return {"action": action, "repository": _REPOSITORY, "sender": author or _BOB, **parts[event], **more}


def labelled(*, event: str = "pull_request", action: str = "labeled", label: object = None) -> dict[str, Any]:
    """The payload of a label's change."""
    thread = "issue" if event == "issues" else "pull_request"
    label = {"name": "codegen:run"} if label is None else label
    return {"action": action, "repository": _REPOSITORY, "sender": _BOB, thread: _THREAD, "label": label or None}


_TEXTS = {
    "a command": ("/codegen run fix it", True),
    "another prefix": ("/bot help", True),
    "another bot's command": ("/approve", True),
    "in a later line": ("Thanks!\r\n\r\n/codegen run fix it", True),
    "after a lone carriage return": ("Thanks!\r/codegen run fix it", True),
    "after three blanks": ("   /codegen help", True),
    "after a no-break blank": ("\xa0/codegen help", True),
    "after a byte order mark": ("\ufeff/codegen help", True),
    "after unseen characters": ("Hi\n\u200b\u2060 /codegen help", True),
    "in a code block": ("```\n/codegen run fix it\n```", True),
    "in capitals": ("/CODEGEN HELP", True),
    "only thanks": ("Thanks, looks good.", False),
    "empty": ("", False),
    "code in the line": ("`/codegen run fix it`", False),
    "quoted": ("> /codegen run fix it", False),
    "indented code": ("    /codegen run fix it", False),
    "within a line": ("Try /codegen run fix it", False),
    "a mention": ("@codegen fix it", False),
    "a path": ("see src/codegen", False),
    "two slashes": ("//codegen", False),
    "a number": ("/1", False),
    "a dash before it": ("\u2013/codegen", False),
}

CASES = [
    *(Case(name, "issue_comment", comment(text), expected) for name, (text, expected) in _TEXTS.items()),
    *(
        Case(f"{event}, {text or 'nothing'}", event, comment(text, event=event, action=action), expected)
        for event, action in (("pull_request_review_comment", "created"), ("pull_request_review", "submitted"))
        for text, expected in (("/codegen help", True), ("Nice.", False), (None, False))
    ),
    Case("deleted", "issue_comment", comment("/codegen help", action="deleted"), expected=False),
    Case(
        "edited",
        "issue_comment",
        comment("/codegen help", action="edited", changes={"body": {"from": "Hi"}}),
        expected=True,
    ),
    Case(
        "edited away",
        "issue_comment",
        comment("Hi", action="edited", changes={"body": {"from": "/codegen help"}}),
        expected=False,
    ),
    Case(
        "edited elsewhere",
        "pull_request_review",
        comment("/codegen help", event="pull_request_review", action="edited", changes={}),
        expected=False,
    ),
    Case("dismissed", "pull_request_review", comment("/x", event="pull_request_review", action="dismissed"), False),
    Case("by a bot", "issue_comment", comment("/codegen help", author=_BOT), expected=True),
    Case("by a deleted account", "issue_comment", comment("/codegen help", author=None), expected=True),
    Case("the bot's own reply", "issue_comment", comment(f"/codegen help\n\n{REPLY}", author=_BOT), expected=False),
    Case("a reply quoted by a person", "issue_comment", comment(f"/codegen help\n\n{REPLY}"), expected=True),
    Case(
        "a broken marker",
        "issue_comment",
        comment("/codegen help\n<!-- codegen-bot {} -->", author=_BOT),
        expected=True,
    ),
    Case("label added", "pull_request", labelled(), expected=True),
    Case("label removed", "issues", labelled(event="issues", action="unlabeled"), expected=True),
    Case("label deleted", "pull_request", labelled(label={}), expected=False),
    Case("opened", "pull_request", labelled(action="opened"), expected=False),
    Case("closed", "issues", labelled(event="issues", action="closed"), expected=False),
]
