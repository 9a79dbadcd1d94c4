"""Webhook deliveries: their signatures, and their payloads as typed events.

All three kinds of comment become the same two events, labels a third.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasPath, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from bot.github.models import FROM_GITHUB, Comment, CommentKind, Person, Text, Thread, adapter, comment_json, reader


class MalformedEventError(ValueError):
    """A payload lacks a documented part; the message names the parts and quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
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
    installation_id: int | None = Field(default=None, validation_alias=AliasPath("installation", "id"))
    at: datetime | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class CommentEdited:
    """A comment's text was changed.

    :param sender: who changed it; not always its author
    :param before: the previous text
    """

    thread: Thread
    comment: Comment
    sender: Person
    installation_id: int | None = Field(default=None, validation_alias=AliasPath("installation", "id"))
    before: Text = Field(validation_alias=AliasPath("changes", "body", "from"))
    at: datetime | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class LabelChanged:
    """A label was added to an issue or a pull request, or removed.

    :param on: whether it is set now
    :param at: when, by GitHub's clock, in whole seconds: nothing else in the payload distinguishes two such changes
    """

    thread: Thread
    label: str = Field(validation_alias=AliasPath("label", "name"))
    on: Annotated[bool, BeforeValidator(lambda action: action == "labeled" if isinstance(action, str) else action)] = (
        Field(validation_alias="action")
    )
    sender: Person
    installation_id: int | None = Field(default=None, validation_alias=AliasPath("installation", "id"))
    at: datetime = Field(validation_alias=AliasPath("thread", "updated_at"))

    @property
    def as_of(self) -> datetime:
        """The latest time in the payload."""
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class ChecksFailed:
    """All checks of one App on the head of a pull request have ended, and one of them has failed.

    :param thread: the pull request; the payload has neither its title nor its description
    :param suite: GitHub's number of these checks
    :param message: of the commit
    """

    thread: Thread
    suite: int = Field(validation_alias=AliasPath("check_suite", "id"))
    sha: str = Field(validation_alias=AliasPath("check_suite", "head_sha"), pattern=r"^[0-9a-f]{40,64}$")
    message: Text = Field(default="", validation_alias=AliasPath("check_suite", "head_commit", "message"))
    sender: Person
    installation_id: int | None = Field(default=None, validation_alias=AliasPath("installation", "id"))
    at: datetime = Field(validation_alias=AliasPath("check_suite", "updated_at"))

    @property
    def as_of(self) -> datetime:
        """The latest time in the payload."""
        return self.at


Event = CommentPosted | CommentEdited | LabelChanged | ChecksFailed

_COMMENTS = {
    "issue_comment": ("issue", "comment", CommentKind.ISSUE_COMMENT),
    "pull_request_review_comment": ("pull_request", "comment", CommentKind.REVIEW_COMMENT),
    "pull_request_review": ("pull_request", "review", CommentKind.REVIEW),
}
"""By the event's name: which parts of the payload are the thread and the comment."""

_LABELLED = {"issues": "issue", "pull_request": "pull_request"}
"""By the event's name: which part of the payload is the thread."""

_LABEL_ACTIONS = frozenset({"labeled", "unlabeled"})

CHECKS = "check_suite"

FAILED_CONCLUSIONS = frozenset({"failure", "timed_out", "startup_failure"})
"""GitHub's words for how checks have ended."""

ACTIONS: Mapping[str, frozenset[str]] = {
    "issue_comment": frozenset({"created", "edited"}),
    "pull_request_review_comment": frozenset({"created", "edited"}),
    "pull_request_review": frozenset({"submitted", "edited"}),
    **dict.fromkeys(_LABELLED, _LABEL_ACTIONS),
}
"""The actions of each event that can hold a command of a person's."""


def parse(event: str, payload: object) -> Event | None:
    """The event of a delivery, or None if it does not concern the bot.

    :param event: the ``X-GitHub-Event`` header
    :param payload: the delivery's body, parsed as JSON
    :raises MalformedEventError: if the payload of a comment lacks a part
    """
    if not isinstance(payload, dict):
        raise MalformedEventError(f"The payload of {event} is not a JSON object.")
    action = payload.get("action")
    if event == CHECKS:
        return _checks(payload) if action == "completed" else None
    if not isinstance(action, str) or action not in ACTIONS.get(event, ()):
        return None
    try:
        if event in _LABELLED:
            return _label(payload, _LABELLED[event])
        return _comment(payload, *_COMMENTS[event])
    except ValueError as error:
        raise MalformedEventError(f"The payload of {event} is invalid: {error}") from None


def thread_in(payload: object) -> Thread | None:
    """The pull request or issue of any event's payload, if there is one.

    :param payload: parsed as JSON
    """
    for name in ("pull_request", "issue"):
        if isinstance(payload, dict) and isinstance(payload.get(name), dict):
            try:
                return reader(Thread)(_thread(payload, name))
            except ValueError:
                return None
    return None


def _label(payload: dict[str, Any], thread: str) -> LabelChanged | None:
    # GitHub omits it if the label itself was deleted.
    if payload.get("label") is None:
        return None
    return reader(LabelChanged)({**payload, "thread": _thread(payload, thread)})


def _checks(payload: dict[str, Any]) -> ChecksFailed | None:
    """None also for a commit that is the head of no pull request. GitHub names none of a fork's."""
    try:
        suite, repository = _part(payload, "check_suite"), _part(payload, "repository")
        of_head = [each for each in suite.get("pull_requests") or () if each["head"]["sha"] == suite.get("head_sha")]
        if suite.get("conclusion") not in FAILED_CONCLUSIONS or not of_head:
            return None
        number = of_head[0]["number"]
        thread = {
            "repository": repository,
            "number": number,
            "pull_request": True,
            "title": f"#{number}",
            "html_url": f"{repository.get('html_url')}/pull/{number}",
            "user": payload.get("sender"),
        }
        return reader(ChecksFailed)({**payload, "thread": thread})
    except (ValueError, TypeError, KeyError) as error:
        raise MalformedEventError(f"The payload of {CHECKS} is invalid: {error}") from None


def _comment(
    payload: dict[str, Any], thread: str, comment: str, kind: CommentKind
) -> CommentPosted | CommentEdited | None:
    about, written = _thread(payload, thread), _part(payload, comment)
    is_edited = payload["action"] == "edited"
    if is_edited and _part(payload, "changes").get("body") is None:
        return None  # something other than the text was changed
    if "body" in written and written["body"] is None:
        return None  # a review that only approves
    for needed in ("path", "diff_hunk") if kind is CommentKind.REVIEW_COMMENT else ():
        if written.get(needed) is None:
            raise ValueError(f"{comment}.{needed} (Field required)")
    at = written.get("updated_at") or written.get("submitted_at")
    document = {
        **payload,
        "thread": about,
        "comment": comment_json(written, kind),
        "at": at,
        # A review comment may have been written days before its review was submitted.
        "as_of": _latest(at, about.get("updated_at")),
    }
    return reader(CommentEdited)(document) if is_edited else reader(CommentPosted)(document)


def _latest(*moments: object) -> datetime | None:
    try:
        return max((datetime.fromisoformat(str(moment)) for moment in moments if moment is not None), default=None)
    except (ValueError, TypeError):
        raise ValueError("updated_at is not a time") from None


def _thread(payload: dict[str, Any], name: str) -> dict[str, Any]:
    """GitHub's JSON of a thread, completed from the rest of the payload."""
    repository = _part(payload, "repository")
    thread = {**_part(payload, name), "repository": repository}
    # A pull request is an issue too: only this key distinguishes them.
    return thread if name == "issue" else {**thread, "pull_request": True}


def _part(payload: dict[str, Any], name: str) -> dict[str, Any]:
    part = payload.get(name)
    if not isinstance(part, dict):
        raise ValueError(f"{name} (Field required)")  # noqa: TRY004 - its message is the sender's to read
    return part


# Events as JSON of the bot's own, which a later version of the bot must be able to read.

_KINDS: dict[str, type[Event]] = {
    "comment-posted": CommentPosted,
    "comment-edited": CommentEdited,
    "label-changed": LabelChanged,
    "checks-failed": ChecksFailed,
}


def to_json(event: Event) -> dict[str, Any]:
    [kind] = [name for name, known in _KINDS.items() if type(event) is known]
    return {"kind": kind, "event": adapter(type(event)).dump_python(event, mode="json")}


def from_json(document: dict[str, Any]) -> Event:
    """:raises ValueError: if this version knows no such event"""
    kind = _KINDS.get(str(document.get("kind")))
    if kind is None:
        raise ValueError("an event of an unknown kind")
    event: Event = adapter(kind).validate_python(document.get("event"))
    return event


# Signatures.


def sign(body: bytes, secret: str) -> str:
    """The value of ``X-Hub-Signature-256`` for a body: its HMAC-SHA256.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets made the signature.

    Every secret is tried, so that the time reveals nothing. An empty secret does not count: anybody could sign with it.
    """
    if header is None:
        return False
    given = header.encode(errors="replace")  # as bytes, because only these compare safely whatever they hold
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets if secret]
    return any(matches)
