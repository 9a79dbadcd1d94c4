"""GitHub's objects, as far as the bot uses them. A `repository` is always ``owner/name``.

Each class is also how GitHub's JSON of that object is validated: a field's alias is where its value is found there
(`reader`). Only the needed parts are declared, so that other changes of GitHub's cannot break the bot. Everywhere else,
also in JSON of the bot's own, the fields have their own names.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, AliasPath, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

T = TypeVar("T")

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}", re.ASCII)
"""An owner has letters, digits and hyphens, and an underscore in enterprise-managed accounts; repositories also
have dots."""

HIGHEST_NUMBER = 2**31 - 1
"""Of an issue or a pull request."""


def is_repository(name: str) -> bool:
    """Whether GitHub's rules let a repository have this name: ``owner/name``."""
    return _REPOSITORY.fullmatch(name) is not None


Reader = Callable[[Any], T]
"""Makes an object of GitHub's JSON.

:raises ValueError: if a part is missing or wrong; it names the part, and quotes nothing: the input is private text
"""

FROM_GITHUB = ConfigDict(
    extra="ignore",
    validate_by_name=True,
    validate_by_alias=False,
    defer_build=True,  # most runs of the Action end before they need any of it
)


def reader(kind: type[T], *path: str) -> Reader[T]:
    """Reads GitHub's JSON of that kind of object.

    :param path: where it is in the JSON
    """
    validated = adapter(kind).validate_python

    def read(document: Any) -> T:
        for key in path:
            document = document.get(key) if isinstance(document, dict) else None
        try:
            found: T = validated(document, by_alias=True, by_name=False)
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, each['loc']))} ({each['msg']})" for each in error.errors())
            raise ValueError(", ".join(problems)) from None
        return found

    return read


adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
"""Validates and writes a kind of object; built once."""


def moment_of(time: datetime) -> str:
    """A time with a time zone as GitHub's API expects it in queries."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ignore(_document: Any) -> None:
    """For responses of which nothing is used."""


def _or_empty(text: object) -> object:
    return "" if text is None else text


def _is_present(part: object) -> bool:
    return part is not None and part is not False


Text = Annotated[str, BeforeValidator(_or_empty)]
"""A text that is null in GitHub's JSON if it is empty."""

Presence = Annotated[bool, BeforeValidator(_is_present)]
"""Whether GitHub's JSON has a part, whatever it holds."""


@dataclass(frozen=True, slots=True, config=FROM_GITHUB)
class Person:
    """An account. `is_bot` is GitHub's own flag (``type: Bot``)."""

    login: str
    is_bot: Annotated[bool, BeforeValidator(lambda kind: kind == "Bot" if isinstance(kind, str) else kind)] = Field(
        default=False, validation_alias="type"
    )


GHOST = "ghost"
"""The login that GitHub's pages show for a deleted account, which is null in its JSON."""


def _account(user: object) -> object:
    return Person(GHOST) if user is None else user


def _login(user: object) -> object:
    match user:
        case None:
            return GHOST
        case {"login": login}:
            return login
        case dict():
            raise ValueError("the login is missing")
        case _:
            return user


Account = Annotated[Person, BeforeValidator(_account)]


@dataclass(frozen=True, slots=True, config=FROM_GITHUB)
class Reacted:
    """A reaction, of which the kind is known from the request."""

    user: Account


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Thread:
    """An issue or a pull request.

    :param author: the login of its creator
    :param is_private: whether its repository is private: on a public one, no data of others is shown
    """

    repository: str = Field(validation_alias=AliasPath("repository", "full_name"))
    number: int
    is_pull_request: Presence = Field(default=False, validation_alias="pull_request")
    title: str
    body: Text = ""
    url: str = Field(validation_alias="html_url")
    author: Annotated[str, BeforeValidator(_login)] = Field(validation_alias="user")
    is_private: bool = Field(validation_alias=AliasPath("repository", "private"))


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Repository:
    """A repository.

    :param id: stays the same when it is renamed
    :param name: ``owner/name``
    :param clone_url: for git over HTTPS
    """

    id: int
    name: str = Field(validation_alias="full_name")
    clone_url: str
    default_branch: str
    is_private: bool = Field(validation_alias="private")
    is_archived: bool = Field(default=False, validation_alias="archived")
    description: Text = ""
    language: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class User:
    """A public profile.

    :param name: as its owner wrote it; may be empty
    """

    id: int
    login: str
    name: Text = ""
    is_bot: Annotated[bool, BeforeValidator(lambda kind: kind == "Bot" if isinstance(kind, str) else kind)] = Field(
        default=False, validation_alias="type"
    )

    @property
    def commit_email(self) -> str:
        """The address by which GitHub attributes commits to the account without showing its own.

        https://docs.github.com/en/account-and-profile/reference/email-addresses-reference
        """
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Installation:
    """Where a GitHub App is installed.

    :param account: the login of the person or the organization; an enterprise has a slug instead
    """

    id: int
    account: str = Field(
        default=GHOST, validation_alias=AliasChoices(AliasPath("account", "login"), AliasPath("account", "slug"))
    )
    is_suspended: Presence = Field(default=False, validation_alias="suspended_at")


class CommentKind(StrEnum):
    """Where a comment was written. Each kind has its own endpoints in GitHub's API."""

    ISSUE_COMMENT = "issue-comment"
    REVIEW_COMMENT = "review-comment"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Comment:
    """A comment on a thread. Ids are unique within a kind only.

    :param path: the file it is on; None if it is on none
    :param line: the line of that file, from 1, or the last of several; None if it is on none
    :param is_on_file: whether it is on the file as a whole
    :param start_line: the first of several lines
    :param is_before: whether the line is that of the file before the change, a diff's left side
    :param start_is_before: the same of the first line
    :param is_outdated: whether the line is that of an earlier commit, because it was changed since
    :param diff_hunk: the piece of the diff above it
    """

    kind: CommentKind
    id: int
    body: Text
    author: Account = Field(validation_alias="user")
    url: str = Field(validation_alias="html_url")
    path: str | None = None
    line: int | None = None
    is_on_file: bool = False
    start_line: int | None = None
    is_before: bool = False
    start_is_before: bool = False
    is_outdated: bool = False
    diff_hunk: str | None = None


def comment_json(document: Mapping[str, Any], kind: CommentKind) -> dict[str, Any]:
    """GitHub's JSON of a comment, completed by what it does not say itself."""
    given = {**document, "kind": kind}
    if document.get("subject_type") == "file":
        # GitHub gives such a comment a line as well, which means nothing.
        return {**given, "line": None, "start_line": None, "is_on_file": True}
    # Null once the line is outdated, and missing in payloads of old GitHub Enterprise servers.
    is_outdated = document["line"] is None if "line" in document else document.get("position", 1) is None
    line, start = document.get("line") or document.get("original_line"), document.get("start_line")
    return {
        **given,
        "line": line,
        "start_line": document.get("original_start_line") if is_outdated and start is None else start,
        "is_before": document.get("side") == "LEFT",
        "start_is_before": (document.get("start_side") or document.get("side")) == "LEFT",
        "is_outdated": is_outdated and line is not None,
    }


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class PostedComment:
    """A comment of an issue or pull request as GitHub's API returns it."""

    id: int
    body: Text = ""
    url: str = Field(validation_alias="html_url")
    author: Account = Field(validation_alias="user")
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Review:
    """A submitted review of a pull request, without its comments on lines."""

    id: int
    body: Text = ""
    url: str = Field(validation_alias="html_url")
    author: Account = Field(validation_alias="user")


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class ReviewComment:
    """A comment on a line of a pull request's diff.

    :param line: of the file as the pull request has it now; None if the comment is outdated
    """

    id: int
    body: Text = ""
    path: str
    line: int | None = None
    author: Account = Field(validation_alias="user")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineComment:
    """A comment for a new review.

    :param line: of the changed file, or of the file before the change if `is_before`; the diff contains it
    """

    path: str
    line: int
    is_before: bool = False
    body: str


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


_OLD_PERMISSIONS = {"read": Permission.READ, "write": Permission.WRITE, "admin": Permission.ADMIN}
_FINER_ROLES = {
    "triage": (Permission.TRIAGE, Permission.READ),
    "maintain": (Permission.MAINTAIN, Permission.WRITE),
}


@dataclass(frozen=True, slots=True, config=FROM_GITHUB)
class _Role:
    permission: str
    role_name: str = ""


def read_role(document: Any) -> Permission:
    """The response of "Get repository permissions for a user".

    `permission` has only the four old values; `role_name` distinguishes triage and maintain and may be the name of an
    organization's own role: it counts if it is one of GitHub's own and consistent with the old value.
    """
    role = reader(_Role)(document)
    old = _OLD_PERMISSIONS.get(role.permission, Permission.NONE)
    finer, base = _FINER_ROLES.get(role.role_name, (old, old))
    return finer if base is old else old


_RIGHTS = {
    "pull": Permission.READ,
    "triage": Permission.TRIAGE,
    "push": Permission.WRITE,
    "maintain": Permission.MAINTAIN,
    "admin": Permission.ADMIN,
}


def read_own_permission(document: Any) -> Permission:
    """The current account's permission in a repository; an anonymous request has none."""
    rights = reader(dict[str, bool])(reader(dict[str, Any])(document).get("permissions", {}))
    return max((permission for word, permission in _RIGHTS.items() if rights.get(word)), default=Permission.NONE)


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


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class PullRequest:
    """A pull request's state and branches.

    :param node_id: its id in GraphQL
    :param state: ``open`` or ``closed``
    :param head_repository: where the branch is; None if the fork is gone
    :param repository: where it is to be merged
    :param is_merged: only known if it was read by itself, as are the counts of changed lines and files
    """

    number: int
    title: str
    body: Text = ""
    url: str = Field(validation_alias="html_url")
    state: str
    node_id: str = ""
    is_draft: bool = Field(default=False, validation_alias="draft")
    head_branch: str = Field(validation_alias=AliasPath("head", "ref"))
    head_sha: str = Field(validation_alias=AliasPath("head", "sha"))
    base_branch: str = Field(validation_alias=AliasPath("base", "ref"))
    head_repository: str | None = Field(default=None, validation_alias=AliasPath("head", "repo", "full_name"))
    repository: str = Field(default="", validation_alias=AliasPath("base", "repo", "full_name"))
    is_merged: bool = Field(default=False, validation_alias="merged")
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def is_fork(self) -> bool:
        """Whether the branch is in another repository, or in one that is gone."""
        return (self.head_repository or "").lower() != self.repository.lower()


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class ChangedFile:
    """A file that a pull request changes.

    :param status: ``added``, ``removed``, ``modified``, ``renamed``, ``copied`` or ``changed``
    :param patch: its hunks in unified form; None for a binary or a large file
    """

    path: str = Field(validation_alias="filename")
    previous_path: str | None = Field(default=None, validation_alias="previous_filename")
    status: str
    additions: int
    deletions: int
    patch: str | None = None


@dataclass(frozen=True, slots=True, config=FROM_GITHUB)
class Label:
    """A label. `color` is six hexadecimal digits without a hash sign."""

    name: str
    color: str
    description: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
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
    conclusion: str | None = None
    url: str | None = Field(default=None, validation_alias="html_url")
    app: str | None = Field(default=None, validation_alias=AliasPath("app", "slug"))
    title: Text = Field(default="", validation_alias=AliasPath("output", "title"))
    summary: Text = Field(default="", validation_alias=AliasPath("output", "summary"))


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class _Content:
    """What is at a path: a file, a link or a submodule."""

    type: str
    encoding: str = ""
    content: str = ""


def read_file(document: Any) -> str | None:
    """A file's text.

    :returns: None for a folder, which is a list, a link or a submodule, and for a file that is too large for this
        endpoint (over 1 MB) or not UTF-8
    """
    found = None if isinstance(document, list) else reader(_Content)(document)
    if found is None or found.type != "file" or found.encoding != "base64":
        return None
    try:
        return base64.b64decode(found.content).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
