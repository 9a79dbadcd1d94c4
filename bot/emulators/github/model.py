"""What the emulated GitHub consists of: accounts, Apps, threads, comments, checks, and the names of those that it has
from the start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

BOT_LOGIN = "codegen-bot[bot]"
ACTIONS_LOGIN = "github-actions[bot]"
"""The account that writes with a workflow's GITHUB_TOKEN."""
ACTIONS_ID = 41898282
"""GitHub's own id of that account."""
APP_ID = 1
INSTALLATION_ID = 1
APP_SLUG = "codegen-bot"
CLIENT_ID = "Iv1.emulated"
OWNER = "octo"
REPOSITORY = f"{OWNER}/shop"
REPOSITORY_ID = 101
ORGANIZATION_REPOSITORY = "octo/.github"
ORGANIZATION_REPOSITORY_ID = 102
DEFAULT_BRANCH = "main"
BASE_SHA = f"{1:040x}"
"""The default branch's head."""

LARGEST_FILE = 100 * 2**20
"""Bytes; https://docs.github.com/en/repositories/working-with-files/managing-large-files/about-large-files-on-github"""

Role = Literal["admin", "maintain", "write", "triage", "read", "none"]
Kind = Literal["issue-comment", "review-comment", "review", "issue"]

RANK: dict[Role, int] = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}


@dataclass(slots=True)
class Account:
    id: int
    login: str
    type: Literal["User", "Bot", "Organization"] = "User"
    role: Role = "none"


@dataclass(slots=True)
class App:
    """A GitHub App. `public_key`: verifies its JWTs, as PEM text; None: any signature is accepted.
    `installation_id`: on the one repository; None: it is not installed."""

    id: int
    slug: str
    name: str
    client_id: str
    owner: str
    permissions: dict[str, str]
    events: list[str]
    installation_id: int | None = None
    public: bool = False
    public_key: str | None = None
    webhook_url: str | None = None
    webhook_secret: str = ""
    html_url: str = ""

    @property
    def login(self) -> str:
        """The login of its comments."""
        return f"{self.slug}[bot]"


@dataclass(slots=True)
class Reaction:
    id: int
    account: Account
    content: str
    created_at: datetime


@dataclass(slots=True)
class Comment:
    """A comment on a thread or on a line of a diff, or a review. `versions`: every text it ever had.

    :param original_line: if the line is another by now; `line` is None if there is none any more
    """

    id: int
    kind: Kind
    number: int
    account: Account
    versions: list[str]
    created_at: datetime
    updated_at: datetime
    reactions: list[Reaction] = field(default_factory=list)
    path: str | None = None
    line: int | None = None
    original_line: int | None = None
    start_line: int | None = None
    side: str = "RIGHT"
    start_side: str | None = None
    subject_type: str = "line"
    in_reply_to: int | None = None
    review_id: int | None = None
    state: str = "commented"

    @property
    def author(self) -> str:
        return self.account.login

    @property
    def body(self) -> str:
        return self.versions[-1]


@dataclass(slots=True)
class Label:
    id: int
    name: str
    color: str
    description: str | None


@dataclass(slots=True)
class Thread:
    """An issue, or a pull request if it has a `branch`. `head_repository`: where that is, in lower case; None: the
    fork is gone."""

    id: int
    number: int
    account: Account
    title: str
    body: str | None
    created_at: datetime
    updated_at: datetime
    branch: str | None = None
    head_sha: str = ""
    head_repository: str | None = REPOSITORY
    base_branch: str = DEFAULT_BRANCH
    is_draft: bool = False
    state: Literal["open", "closed"] = "open"
    labels: list[str] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def is_pull_request(self) -> bool:
        return self.branch is not None


@dataclass(slots=True)
class CheckRun:
    """A check, and the GitHub Actions job behind it. `app`: the slug of its creator. `log`: the job's."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    started_at: datetime
    completed_at: datetime | None
    output: dict[str, str | None] | None = None
    app: str = APP_SLUG
    log: str | None = None


@dataclass(slots=True)
class OtherRepository:
    """Another repository, without threads. `roles`: by login. `files`: on its main branch. `branches`: the files of its
    others. `parent`: the repository that it is a fork of."""

    id: int
    name: str
    roles: dict[str, Role]
    files: dict[str, str] = field(default_factory=dict)
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    private: bool = True
    archived: bool = False
    description: str | None = None
    language: str | None = None
    parent: str | None = None
