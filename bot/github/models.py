"""GitHub's nouns, as far as the bot speaks of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `is_bot` is GitHub's own word (``type: Bot``)."""

    login: str
    is_bot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """An issue or a pull request.

    :param repository: ``owner/name``
    :param author: the login of whoever opened it
    """

    repository: str
    number: int
    is_pull_request: bool
    title: str
    body: str
    url: str
    author: str


class CommentKind(StrEnum):
    """Where a comment was written. Each kind has its own addresses in GitHub's API."""

    ISSUE_COMMENT = "issue-comment"
    REVIEW_COMMENT = "review-comment"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What somebody wrote on a thread.

    :param path: the file it stands on; None where it stands on none
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
    """A comment as GitHub's API answers it."""

    id: int
    body: str
    author: Person
    url: str
    created_at: datetime


class Permission(IntEnum):
    """What somebody may do in a repository; each includes those before it."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def word(self) -> str:
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

    :param head_repository: ``owner/name`` of where the branch is; None where the fork is gone
    """

    number: int
    title: str
    body: str
    url: str
    state: str
    is_draft: bool
    head_branch: str
    head_sha: str
    head_repository: str | None
    base_branch: str


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    color: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """One check on a commit. `conclusion` is None until it is completed."""

    id: int
    name: str
    status: str
    conclusion: str | None
    url: str | None
