"""GitHub's JSON, as far as the bot reads it, in webhooks and in responses: validated by pydantic, then made a model.

Only the needed fields are declared, so that other changes of GitHub's cannot break the bot.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.github.models import CheckRun, Label, Permission, Person, PostedComment, PullRequest, Thread


class Shape(BaseModel):
    """A piece of GitHub's JSON. Errors never quote the input: it is private text."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class User(Shape):
    login: str
    type: str = "User"


def person(user: User | None) -> Person:
    """A deleted account is null in GitHub's JSON; its pages call it ghost."""
    if user is None:
        return Person("ghost", is_bot=False)
    return Person(user.login, is_bot=user.type == "Bot")


class Identified(Shape):
    """An installation or a reaction, of which only the id is used."""

    id: int


class Reacted(Shape):
    """Who reacted; the kind is in the request."""

    user: User | None


class App(Shape):
    slug: str


class ViewerData(Shape):
    viewer: User


class Viewer(Shape):
    """GraphQL's response for the current account."""

    data: ViewerData


class InstallationToken(Shape):
    token: str = Field(repr=False)
    expires_at: datetime


class Repository(Shape):
    default_branch: str


class Visibility(Shape):
    private: bool


class Rights(Shape):
    """The current account's permissions in a repository; missing in an anonymous request."""

    permissions: dict[str, bool] = {}

    def model(self) -> Permission:
        has = [permission for word, permission in _RIGHTS.items() if self.permissions.get(word)]
        return max(has, default=Permission.NONE)


_RIGHTS = {
    "pull": Permission.READ,
    "triage": Permission.TRIAGE,
    "push": Permission.WRITE,
    "maintain": Permission.MAINTAIN,
    "admin": Permission.ADMIN,
}


class Numbered(Shape):
    """A labelled issue, of which only the number is used."""

    number: int


class ThreadAnswer(Shape):
    """An issue; a pull request is one too, and only one key distinguishes them."""

    number: int
    title: str
    body: str | None = None
    html_url: str
    user: User | None
    pull_request: dict[str, Any] | None = None

    def model(self, repository: str, *, is_private: bool) -> Thread:
        return Thread(
            repository=repository,
            number=self.number,
            is_pull_request=self.pull_request is not None,
            title=self.title,
            body=self.body or "",
            url=self.html_url,
            author=person(self.user).login,
            is_private=is_private,
        )


class IssueComment(Shape):
    id: int
    body: str | None = None
    html_url: str
    user: User | None
    created_at: datetime

    def model(self) -> PostedComment:
        return PostedComment(
            id=self.id,
            body=self.body or "",
            url=self.html_url,
            author=person(self.user),
            created_at=self.created_at,
        )


class RolePermission(Shape):
    """The response of "Get repository permissions for a user".

    `permission` has only the four old values; `role_name` distinguishes triage and maintain and may be the name of an
    organization's own role.
    """

    permission: str
    role_name: str = ""

    def model(self) -> Permission:
        """The role if it is one of GitHub's own and consistent with the old value, else the old value."""
        plain = _PLAIN_PERMISSIONS.get(self.permission, Permission.NONE)
        finer, fits = _FINER_ROLES.get(self.role_name, (plain, plain))
        return finer if fits is plain else plain


_PLAIN_PERMISSIONS = {
    "read": Permission.READ,
    "write": Permission.WRITE,
    "admin": Permission.ADMIN,
}
_FINER_ROLES = {
    "triage": (Permission.TRIAGE, Permission.READ),
    "maintain": (Permission.MAINTAIN, Permission.WRITE),
}


class HeadRepository(Shape):
    full_name: str


class Branch(Shape):
    ref: str
    sha: str
    repo: HeadRepository | None = None


class PullRequestAnswer(Shape):
    number: int
    title: str
    body: str | None = None
    html_url: str
    state: str
    head: Branch
    base: Branch
    draft: bool = False

    def model(self) -> PullRequest:
        return PullRequest(
            number=self.number,
            title=self.title,
            body=self.body or "",
            url=self.html_url,
            state=self.state,
            head_branch=self.head.ref,
            head_sha=self.head.sha,
            base_branch=self.base.ref,
            head_repository=self.head.repo.full_name if self.head.repo else None,
            is_draft=self.draft,
        )


class LabelAnswer(Shape):
    name: str
    color: str
    description: str | None = None

    def model(self) -> Label:
        return Label(self.name, self.color, self.description or "")


class CheckOutput(Shape):
    title: str | None = None
    summary: str | None = None


class CheckRunAnswer(Shape):
    id: int
    name: str
    status: str
    conclusion: str | None = None
    html_url: str | None = None
    app: App | None = None
    output: CheckOutput | None = None

    def model(self) -> CheckRun:
        output = self.output or CheckOutput()
        return CheckRun(
            id=self.id,
            name=self.name,
            status=self.status,
            conclusion=self.conclusion,
            url=self.html_url,
            app=self.app.slug if self.app else None,
            title=output.title or "",
            summary=output.summary or "",
        )


class Content(Shape):
    """A path's content: a file, a link or a submodule. A folder is a list of these."""

    type: str
    encoding: str = ""
    content: str = ""

    def text(self) -> str | None:
        """A file's text; None if it is too large for this endpoint (over 1 MB) or not UTF-8."""
        if self.encoding != "base64":
            return None
        try:
            return base64.b64decode(self.content).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None


APP = TypeAdapter(App)
CHECK_RUN = TypeAdapter(CheckRunAnswer)
CONTENT: TypeAdapter[Content | list[Content]] = TypeAdapter(Content | list[Content])
IDENTIFIED = TypeAdapter(Identified)
INSTALLATION_TOKEN = TypeAdapter(InstallationToken)
ISSUE_COMMENT = TypeAdapter(IssueComment)
LABEL = TypeAdapter(LabelAnswer)
LABELS = TypeAdapter(list[LabelAnswer])
NOTHING: TypeAdapter[object] = TypeAdapter(object)
PERMISSION = TypeAdapter(RolePermission)
PULL_REQUEST = TypeAdapter(PullRequestAnswer)
REPOSITORY = TypeAdapter(Repository)
NUMBERED = TypeAdapter(Numbered)
THREAD = TypeAdapter(ThreadAnswer)
USER = TypeAdapter(User)
VIEWER = TypeAdapter(Viewer)
VISIBILITY = TypeAdapter(Visibility)
REACTED = TypeAdapter(Reacted)
RIGHTS = TypeAdapter(Rights)
