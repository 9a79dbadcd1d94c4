"""The state of the emulated GitHub: users, one repository, its issues and pull requests and their comments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
REPOSITORY = "octo/shop"
ORGANISATION_REPOSITORY = "octo/.github"
DEFAULT_BRANCH = "main"
BASE_SHA = f"{1:040x}"
"""The default branch's head."""

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
    """A comment on a thread or on a line of a diff, or a review. `versions`: every text it ever had."""

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
    in_reply_to: int | None = None
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
    """An issue, or a pull request if it has a `branch`."""

    id: int
    number: int
    account: Account
    title: str
    body: str | None
    created_at: datetime
    updated_at: datetime
    branch: str | None = None
    head_sha: str = ""
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
    output: dict[str, str | None]
    details_url: str | None = None
    external_id: str = ""
    app: str = APP_SLUG
    log: str | None = None


@dataclass(slots=True)
class Neighbour:
    """Another private repository of the owner's, without threads. `roles`: by login. `files`: on its main branch."""

    roles: dict[str, Role]
    files: dict[str, str] = field(default_factory=dict)


class World:
    """One repository with a pull request and an issue; private until `private` says otherwise."""

    def __init__(self, *, changed: Callable[[], None], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._changed = changed
        self.now = now
        self.reset()

    def reset(self) -> None:
        """Restores the initial state: users, repository ``octo/shop``, pull request 1 and issue 2."""
        self._id = 1000
        self.private = True
        self.apps = {APP_ID: _first_app()}
        self.suspended_at: datetime | None = None
        self.commits: set[str] = {BASE_SHA}
        self.accounts: dict[str, Account] = {}
        self.threads: dict[int, Thread] = {}
        self.comments: dict[int, Comment] = {}
        self.labels: dict[str, Label] = {}
        self.check_runs: dict[int, CheckRun] = {}
        self.files: dict[tuple[str, str], str] = {}
        self.organisation_files: dict[str, str] = {}
        self.neighbours: dict[str, Neighbour] = {}
        self.add_account("octo", kind="Organization")
        for login, role in _PEOPLE.items():
            self.add_account(login, role=role)
        self.add_account(BOT_LOGIN, kind="Bot", role="write")
        self.accounts[ACTIONS_LOGIN] = Account(ACTIONS_ID, ACTIONS_LOGIN, "Bot", "write")
        self.files[DEFAULT_BRANCH, "README.md"] = "# The shop\n"
        self.files[DEFAULT_BRANCH, "app/checkout.py"] = _CHECKOUT
        self.open_thread("alice", "Fix the checkout", "The total was rounded twice.", branch="fix-checkout")
        self.files["fix-checkout", "README.md"] = "# The shop\n"
        self.files["fix-checkout", "app/checkout.py"] = _CHECKOUT.replace("round(round(", "round((")
        self.open_thread("carol", "Prices are shown without tax", "In the cart, and only there.")
        self.add_label("bug", "d73a4a", "Something isn't working")
        self.add_label("enhancement", "a2eeef", "New feature or request")

    @property
    def app_permissions(self) -> dict[str, str]:
        """The permissions granted to App 1."""
        return self.apps[APP_ID].permissions

    @property
    def app_events(self) -> list[str]:
        """The events that App 1 receives."""
        return self.apps[APP_ID].events

    def install(self, app: App) -> None:
        """Installs an App on the one repository, where it may write from now on."""
        if app.installation_id is None:
            app.installation_id = self.next_id()
            self.add_account(app.login, kind="Bot", role="write")
            self._changed()

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def sha(self) -> str:
        """A new commit."""
        sha = f"{self.next_id():040x}"
        self.commits.add(sha)
        return sha

    def changed(self) -> None:
        self._changed()

    def add_account(
        self, login: str, *, role: Role = "none", kind: Literal["User", "Bot", "Organization"] = "User"
    ) -> Account:
        known = self.account(login)
        if known is not None:
            known.role = role
            return known
        account = self.accounts[login] = Account(self.next_id(), login, kind, role)
        return account

    def account(self, login: str) -> Account | None:
        """The account of a login, in any case."""
        return next((each for name, each in self.accounts.items() if name.lower() == login.lower()), None)

    def role(self, account: Account) -> Role:
        """An account's role: everybody may read a public repository."""
        return "read" if account.role == "none" and not self.private else account.role

    def open_thread(self, login: str, title: str, body: str | None, *, branch: str | None = None) -> Thread:
        now = self.now()
        number = len(self.threads) + 1
        thread = Thread(self.next_id(), number, self.accounts[login], title, body, now, now, branch)
        if branch:
            thread.head_sha = self.sha()
        self.threads[number] = thread
        self._changed()
        return thread

    def push(self, number: int) -> Thread:
        """Adds a commit to a pull request's branch."""
        thread = self.threads[number]
        thread.head_sha = self.sha()
        self._changed()
        return thread

    def write(
        self,
        login: str,
        number: int,
        text: str,
        *,
        kind: Kind = "issue-comment",
        path: str | None = None,
        line: int | None = None,
        in_reply_to: int | None = None,
    ) -> Comment:
        now = self.now()
        comment = Comment(
            self.next_id(),
            kind,
            number,
            self.accounts[login],
            [text],
            now,
            now,
            path=path,
            line=line,
            in_reply_to=in_reply_to,
        )
        self.comments[comment.id] = comment
        self.threads[number].updated_at = now
        self._changed()
        return comment

    def edit(self, comment: Comment, text: str) -> None:
        comment.versions.append(text)
        comment.updated_at = self.now()
        self._changed()

    def of_thread(self, number: int, kind: Kind) -> list[Comment]:
        return [each for each in self.comments.values() if each.number == number and each.kind == kind]

    def react(self, reactions: list[Reaction], account: Account, content: str) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new: an account has at most one of each kind."""
        for known in reactions:
            if known.account is account and known.content == content:
                return known, False
        reaction = Reaction(self.next_id(), account, content, self.now())
        reactions.append(reaction)
        self._changed()
        return reaction, True

    def add_label(self, name: str, color: str = "ededed", description: str | None = None) -> Label:
        return self.labels.setdefault(name.lower(), Label(self.next_id(), name, color, description))

    def label(self, thread: Thread, name: str) -> bool:
        """Adds a label; returns whether it was not set before."""
        known = self.add_label(name).name
        if known in thread.labels:
            return False
        thread.labels.append(known)
        thread.updated_at = self.now()
        self._changed()
        return True

    def unlabel(self, thread: Thread, name: str) -> bool:
        """Removes a label; returns whether it was set."""
        for known in thread.labels:
            if known.lower() == name.lower():
                thread.labels.remove(known)
                thread.updated_at = self.now()
                self._changed()
                return True
        return False


_PEOPLE: dict[str, Role] = {"alice": "admin", "bob": "write", "carol": "read", "dave": "none"}

_CHECKOUT = """\
def total(items, tax):
    net = sum(item.price * item.count for item in items)
    return round(round(net, 2) * (1 + tax), 2)
"""


def _first_app() -> App:
    """The App that always exists."""
    return App(
        APP_ID,
        APP_SLUG,
        APP_SLUG,
        CLIENT_ID,
        REPOSITORY.partition("/")[0],
        {
            "actions": "read",
            "checks": "write",
            "contents": "read",
            "issues": "write",
            "members": "read",
            "metadata": "read",
            "pull_requests": "write",
        },
        ["issue_comment", "issues", "pull_request", "pull_request_review", "pull_request_review_comment"],
        installation_id=INSTALLATION_ID,
        html_url=f"https://github.com/apps/{APP_SLUG}",
    )
