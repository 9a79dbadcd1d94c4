"""Parses deliveries into typed events. All three kinds of comment become the same two events, labels a third.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from bot.github.models import Comment, CommentKind, Person, Thread
from bot.github.shapes import Identified, Shape, User, person


class MalformedEventError(ValueError):
    """A payload lacks a documented part; the message names the parts and quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPosted:
    """A comment of any kind was written.

    :param sender: its author, as GitHub reports it
    :param installation_id: the GitHub App's installation that the delivery came through; None for a plain webhook
    :param at: when, by GitHub's clock; None if the payload does not say
    :param as_of: the latest time in the payload, which is about when GitHub made it
    """

    thread: Thread
    comment: Comment
    sender: Person
    installation_id: int | None
    at: datetime | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentEdited:
    """A comment's text was changed.

    :param sender: who changed it; not always its author
    :param before: the previous text
    """

    thread: Thread
    comment: Comment
    sender: Person
    installation_id: int | None
    before: str
    at: datetime | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChanged:
    """A label was added to an issue or a pull request, or removed.

    :param on: whether it is set now
    :param at: when, by GitHub's clock, in whole seconds: nothing else in the payload distinguishes two such changes
    """

    thread: Thread
    label: str
    on: bool
    sender: Person
    installation_id: int | None
    at: datetime

    @property
    def as_of(self) -> datetime:
        """The latest time in the payload."""
        return self.at


Event = CommentPosted | CommentEdited | LabelChanged


def parse(event: str, payload: object) -> Event | None:
    """The event of a delivery, or None if it does not concern the bot.

    :param event: the ``X-GitHub-Event`` header
    :param payload: the delivery's body, parsed as JSON
    :raises MalformedEventError: if the payload of a comment lacks a part
    """
    if not isinstance(payload, dict):
        raise MalformedEventError(f"The payload of {event} is not a JSON object.")
    match event, payload.get("action"):
        case "issue_comment", "created" | "edited":
            return _issue_comment(_read(_IssueCommentPayload, event, payload))
        case "pull_request_review_comment", "created" | "edited":
            return _review_comment(_read(_ReviewCommentPayload, event, payload))
        case "pull_request_review", "submitted" | "edited":
            return _review(_read(_ReviewPayload, event, payload))
        case "issues", "labeled" | "unlabeled":
            labelled = _read(_IssueLabelPayload, event, payload)
            return _label(labelled, labelled.issue, is_pull_request=labelled.issue.pull_request is not None)
        case "pull_request", "labeled" | "unlabeled":
            pull_request = _read(_PullRequestLabelPayload, event, payload)
            return _label(pull_request, pull_request.pull_request, is_pull_request=True)
        case _:
            return None


class _Repository(Shape):
    full_name: str
    private: bool


class _Thread(Shape):
    number: int
    title: str
    body: str | None = None
    html_url: str
    user: User | None
    updated_at: datetime | None = None


class _Issue(_Thread):
    pull_request: dict[str, Any] | None = None


class _Comment(Shape):
    id: int
    body: str | None
    user: User | None
    html_url: str
    updated_at: datetime | None = None
    submitted_at: datetime | None = None


class _ReviewComment(_Comment):
    path: str
    diff_hunk: str
    line: int | None = None
    original_line: int | None = None


class _Before(Shape):
    text: str | None = Field(alias="from")


class _Changes(Shape):
    body: _Before | None = None


class _Payload(Shape):
    action: str
    repository: _Repository
    sender: User
    installation: Identified | None = None
    changes: _Changes | None = None


class _IssueCommentPayload(_Payload):
    issue: _Issue
    comment: _Comment


class _ReviewCommentPayload(_Payload):
    pull_request: _Thread
    comment: _ReviewComment


class _ReviewPayload(_Payload):
    pull_request: _Thread
    review: _Comment


class _Label(Shape):
    name: str


class _LabelPayload(_Payload):
    # GitHub omits it if the label itself was deleted.
    label: _Label | None = None


class _IssueLabelPayload(_LabelPayload):
    issue: _Issue


class _PullRequestLabelPayload(_LabelPayload):
    pull_request: _Thread


P = TypeVar("P", bound=_Payload)


def _read(shape: type[P], event: str, payload: object) -> P:
    try:
        return shape.model_validate(payload)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, problem['loc']))} ({problem['msg']})" for problem in error.errors())
        raise MalformedEventError(f"The payload of {event} is not as it should be: {', '.join(problems)}") from None


def _issue_comment(payload: _IssueCommentPayload) -> Event | None:
    # A pull request is an issue too: only this key distinguishes them.
    comment = _comment(payload.comment, CommentKind.ISSUE_COMMENT)
    is_pull_request = payload.issue.pull_request is not None
    return _event(payload, payload.issue, comment, is_pull_request=is_pull_request, at=payload.comment.updated_at)


def _review_comment(payload: _ReviewCommentPayload) -> Event | None:
    written = payload.comment
    comment = _comment(
        written,
        CommentKind.REVIEW_COMMENT,
        path=written.path,
        # Null once the line is outdated, and missing in payloads of old GitHub Enterprise servers.
        line=written.line or written.original_line,
        diff_hunk=written.diff_hunk,
    )
    return _event(payload, payload.pull_request, comment, is_pull_request=True, at=written.updated_at)


def _review(payload: _ReviewPayload) -> Event | None:
    comment = _comment(payload.review, CommentKind.REVIEW)
    at = payload.review.updated_at or payload.review.submitted_at
    return _event(payload, payload.pull_request, comment, is_pull_request=True, at=at)


def thread_in(payload: object) -> Thread | None:
    """The pull request or issue of any event's payload, if there is one.

    :param payload: parsed as JSON
    """
    for name, is_pull_request in (("pull_request", True), ("issue", False)):
        if isinstance(payload, dict) and isinstance(payload.get(name), dict):
            try:
                found = _Issue.model_validate(payload[name])
                repository = _Repository.model_validate(payload.get("repository"))
            except ValidationError:
                return None
            return _named(found, repository, is_pull_request=is_pull_request or found.pull_request is not None)
    return None


def _label(payload: _LabelPayload, thread: _Thread, *, is_pull_request: bool) -> Event | None:
    if payload.label is None:
        return None
    if thread.updated_at is None:
        raise MalformedEventError("The payload of a label does not say when the issue or pull request was changed.")
    return LabelChanged(
        thread=_thread(thread, payload, is_pull_request=is_pull_request),
        label=payload.label.name,
        on=payload.action == "labeled",
        sender=person(payload.sender),
        installation_id=payload.installation.id if payload.installation else None,
        at=thread.updated_at,
    )


def _event(
    payload: _Payload, document: _Thread, comment: Comment | None, *, is_pull_request: bool, at: datetime | None
) -> Event | None:
    if comment is None:
        return None
    thread = _thread(document, payload, is_pull_request=is_pull_request)
    # A review comment may have been written days before its review was submitted.
    as_of = max((moment for moment in (at, document.updated_at) if moment is not None), default=None)
    sender = person(payload.sender)
    installation_id = payload.installation.id if payload.installation else None
    if payload.action != "edited":
        return CommentPosted(
            thread=thread, comment=comment, sender=sender, installation_id=installation_id, at=at, as_of=as_of
        )
    if payload.changes is None:
        raise MalformedEventError("The payload of an edit does not say what was changed.")
    if payload.changes.body is None:
        return None  # something other than the text was changed
    before = payload.changes.body.text or ""
    return CommentEdited(
        thread=thread,
        comment=comment,
        sender=sender,
        installation_id=installation_id,
        before=before,
        at=at,
        as_of=as_of,
    )


def _thread(document: _Thread, payload: _Payload, *, is_pull_request: bool) -> Thread:
    return _named(document, payload.repository, is_pull_request=is_pull_request)


def _named(document: _Thread, repository: _Repository, *, is_pull_request: bool) -> Thread:
    return Thread(
        repository=repository.full_name,
        number=document.number,
        is_pull_request=is_pull_request,
        title=document.title,
        body=document.body or "",
        url=document.html_url,
        author=person(document.user).login,
        is_private=repository.private,
    )


def _comment(
    document: _Comment,
    kind: CommentKind,
    *,
    path: str | None = None,
    line: int | None = None,
    diff_hunk: str | None = None,
) -> Comment | None:
    """None if there is no text: a review that only approves has no body."""
    if document.body is None:
        return None
    return Comment(
        kind=kind,
        id=document.id,
        body=document.body,
        author=person(document.user),
        url=document.html_url,
        path=path,
        line=line,
        diff_hunk=diff_hunk,
    )
