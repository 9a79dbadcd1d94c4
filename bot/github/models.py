"""GitHub's objects, as far as the bot uses them. A `repository` is always ``owner/name``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `is_bot` is GitHub's own flag (``type: Bot``)."""

    login: str
    is_bot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """An issue or a pull request.

    :param author: the login of its creator
    :param is_private: whether its repository is private: on a public one, no data of others is shown
    """

    repository: str
    number: int
    is_pull_request: bool
    title: str
    body: str
    url: str
    author: str
    is_private: bool


class CommentKind(StrEnum):
    """Where a comment was written. Each kind has its own endpoints in GitHub's API."""

    ISSUE_COMMENT = "issue-comment"
    REVIEW_COMMENT = "review-comment"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment on a thread. Ids are unique within a kind only.

    :param path: the file it is on; None if it is on none
    :param line: the line of that file, from 1
    :param diff_hunk: the piece of the diff above it
    """

    kind: CommentKind
    id: int
    body: str
    author: Person
    url: str
    path: str | None = None
    line: int | None = None
    diff_hunk: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedComment:
    """A comment of an issue or pull request as GitHub's API returns it."""

    id: int
    body: str
    url: str
    author: Person
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenComment:
    """A comment from a list across all threads.

    :param number: of its issue or pull request
    :param is_edited: whether its text was changed; the API does not report by whom
    """

    comment: Comment
    number: int
    created_at: datetime
    is_edited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook's settings.

    :param id: None for an App's
    :param url: where deliveries go; None: nowhere
    :param is_signed: whether a secret is set
    :param checks_certificate: whether GitHub verifies the address's TLS certificate
    :param events: that it reports, ``*`` for all; None for an App's, where the App lists them
    """

    id: int | None
    url: str | None
    content_type: str
    is_signed: bool
    checks_certificate: bool
    is_active: bool = True
    events: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a GitHub App requests, or what an account where it is installed has granted.

    :param holder: the App's slug, or the account's login
    :param permissions: ``read``, ``write`` or ``admin`` by GitHub's names, such as ``pull_requests``
    :param events: that it receives
    """

    holder: str
    permissions: Mapping[str, str]
    events: tuple[str, ...]
    is_suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One attempt of a delivery, from the log.

    :param id: of this attempt; a redelivery has another one
    :param guid: of the event: the same for all attempts, and for all hooks
    :param status_code: of the response; meaningless if there was none
    """

    id: int
    guid: str
    delivered_at: datetime
    is_redelivery: bool
    event: str
    action: str | None
    status: str
    status_code: int


class Permission(IntEnum):
    """A user's permission in a repository; each includes those before it."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def word(self) -> str:
        """GitHub's name for it, also shown to people."""
        return self.name.lower()


class Reaction(StrEnum):
    """GitHub's eight reactions."""

    PLUS_ONE = "+1"
    MINUS_ONE = "-1"
    LAUGH = "laugh"
    CONFUSED = "confused"
    HEART = "heart"
    HOORAY = "hooray"
    ROCKET = "rocket"
    EYES = "eyes"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request's state and branches.

    :param state: ``open`` or ``closed``
    :param head_repository: where the branch is; None if the fork is gone
    """

    number: int
    title: str
    body: str
    url: str
    state: str
    head_branch: str
    head_sha: str
    base_branch: str
    head_repository: str | None
    is_draft: bool


@dataclass(frozen=True, slots=True)
class Label:
    """A label. `color` is six hexadecimal digits without a hash sign."""

    name: str
    color: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """One check on a commit.

    :param status: ``queued``, ``in_progress``, ``completed``, or one of those that only GitHub Actions use
    :param conclusion: ``success``, ``failure`` and so on; None until it is completed
    :param app: the slug of the GitHub App that created it; None if that App is gone
    :param title: that App's one-line description
    :param summary: its longer one, in Markdown
    """

    id: int
    name: str
    status: str
    conclusion: str | None
    url: str | None
    app: str | None
    title: str = ""
    summary: str = ""
