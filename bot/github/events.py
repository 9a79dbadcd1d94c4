"""A delivery's payload made typed. The only module that reads raw payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.github.models import Comment, CommentKind, Person, Thread


class MalformedEventError(ValueError):
    """A payload lacks what GitHub says it has; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPosted:
    """Somebody wrote a comment, of whichever kind."""

    thread: Thread
    comment: Comment
    sender: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentEdited:
    """Somebody changed a comment's text.

    :param before: the text as it was
    :param sender: who changed it; not always who wrote it
    """

    thread: Thread
    comment: Comment
    sender: Person
    before: str


Event = CommentPosted | CommentEdited

# Event name: the key of the thread, the key of the comment, its kind, and the action that means "written".
_KINDS = {
    "issue_comment": ("issue", "comment", CommentKind.ISSUE_COMMENT, "created"),
    "pull_request_review_comment": ("pull_request", "comment", CommentKind.REVIEW_COMMENT, "created"),
    "pull_request_review": ("pull_request", "review", CommentKind.REVIEW, "submitted"),
}


def parse(name: str, payload: Mapping[str, Any]) -> Event | None:
    """The event that a delivery tells of, or None where it is none of the bot's business.

    :param name: the ``X-GitHub-Event`` header
    :raises MalformedEventError: where a comment's payload lacks a part
    """
    action = payload.get("action")
    if name not in _KINDS or not isinstance(action, str):
        return None
    thread_key, comment_key, kind, written = _KINDS[name]
    if action not in {written, "edited"}:
        return None
    try:
        thread = _thread(payload[thread_key], payload["repository"])
        comment = _comment(payload[comment_key], kind)
        sender = _person(payload["sender"])
        if action == written:
            return CommentPosted(thread=thread, comment=comment, sender=sender)
        before = payload["changes"].get("body", {}).get("from")
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedEventError(f"The payload of {name} lacks what it should have: {error}") from None
    # Without a "from" the edit changed something else than the text.
    return None if before is None else CommentEdited(thread=thread, comment=comment, sender=sender, before=before)


def _thread(document: Mapping[str, Any], repository: Mapping[str, Any]) -> Thread:
    return Thread(
        repository=repository["full_name"],
        number=document["number"],
        # An issue_comment under a pull request carries an issue that has this key.
        is_pull_request="pull_request" in document or "head" in document,
        title=document["title"],
        body=document.get("body") or "",
        url=document["html_url"],
        author=_person(document["user"]).login,
    )


def _comment(document: Mapping[str, Any], kind: CommentKind) -> Comment:
    return Comment(
        kind=kind,
        id=document["id"],
        body=document["body"] or "",
        author=_person(document["user"]),
        url=document["html_url"],
        path=document.get("path"),
        line=document.get("line"),
        diff_hunk=document.get("diff_hunk"),
    )


def _person(document: Mapping[str, Any] | None) -> Person:
    """A deleted account is null in payloads; GitHub shows it as ghost."""
    if document is None:
        return Person("ghost", is_bot=False)
    return Person(document["login"], is_bot=document.get("type") == "Bot")
