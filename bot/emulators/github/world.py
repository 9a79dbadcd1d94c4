"""The state of the emulated GitHub: users, one repository, its issues and pull requests and their comments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from bot.emulators.github.model import (
    ACTIONS_ID,
    ACTIONS_LOGIN,
    APP_ID,
    APP_SLUG,
    BASE_SHA,
    BOT_LOGIN,
    CLIENT_ID,
    DEFAULT_BRANCH,
    INSTALLATION_ID,
    LARGEST_FILE,
    ORGANIZATION_REPOSITORY,
    OWNER,
    REPOSITORY,
    Account,
    App,
    CheckRun,
    Comment,
    Kind,
    Label,
    OtherRepository,
    Reaction,
    Role,
    Thread,
)


class World:
    """One repository with a pull request and an issue; private while `private` is set."""

    def __init__(self, *, changed: Callable[[], None], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.changed = changed
        self.now = now
        self.reset()

    def reset(self) -> None:
        """Restores the initial state: users, repository ``octo/shop``, pull request 1 and issue 2."""
        self._id = 1000
        self.private = True
        self.apps = {APP_ID: _first_app()}
        self.suspended_at: datetime | None = None
        self.commits: set[str] = {BASE_SHA}
        self._made_up: set[str] = {BASE_SHA}
        """The commits that stand for those that git will make."""
        self._real: dict[str, str] = {}
        """What git has made of them."""
        self.heads: dict[str, dict[str, str]] = {}
        """The heads of each repository's branches, of those that exist in git."""
        self.protected: set[str] = set()
        """The branches of the one repository that nobody may push to."""
        self.largest_file = LARGEST_FILE
        """Bytes of a file beyond which a push is refused."""
        self.accounts: dict[str, Account] = {}
        self.threads: dict[int, Thread] = {}
        self.comments: dict[int, Comment] = {}
        self.labels: dict[str, Label] = {}
        self.check_runs: dict[int, CheckRun] = {}
        self._check_suites: dict[tuple[str, str], int] = {}
        self.files: dict[tuple[str, str], str] = {}
        self.organization_files: dict[str, str] = {}
        self.other_repositories: dict[str, OtherRepository] = {}
        """By name in lower case."""
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

    def install(self, app: App) -> None:
        """Installs an App on the one repository, where it may write from now on."""
        if app.installation_id is None:
            app.installation_id = self.next_id()
            self.add_account(app.login, kind="Bot", role="write")
            self.changed()

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def sha(self) -> str:
        """A new commit."""
        sha = f"{self.next_id():040x}"
        self.commits.add(sha)
        self._made_up.add(sha)
        return sha

    def is_made_up(self, sha: str) -> bool:
        """Whether a commit stands for one that git has still to make."""
        return sha in self._made_up and sha not in self._real

    def real_sha(self, sha: str) -> str:
        """The commit that git made for one that was made up; any other unchanged."""
        return self._real.get(sha, sha)

    def head(self, branch: str) -> str | None:
        """The head of a branch of the one repository."""
        heads = {thread.branch: thread.head_sha for thread in self.pull_requests() if self._is_here(thread)}
        return ({DEFAULT_BRANCH: BASE_SHA} | heads | self.heads.get(REPOSITORY, {})).get(branch)

    @property
    def base_sha(self) -> str:
        """The default branch's head."""
        return self.head(DEFAULT_BRANCH) or BASE_SHA

    def set_heads(self, repository: str, heads: dict[str, str]) -> None:
        """Takes over the heads of a repository's branches from git."""
        self.heads[repository] = heads
        self.commits |= set(heads.values())
        if repository == REPOSITORY and DEFAULT_BRANCH in heads:
            self._replace(BASE_SHA, heads[DEFAULT_BRANCH])

    def move_head(self, thread: Thread, sha: str) -> None:
        """Sets a pull request's head to a commit that git has made."""
        self._replace(thread.head_sha, sha)
        self.commits.add(sha)
        if thread.head_sha != sha:
            thread.head_sha = sha
            thread.updated_at = self.now()

    def _replace(self, made_up: str, sha: str) -> None:
        if self.is_made_up(made_up):
            self._real[made_up] = sha
            for check in self.check_runs.values():
                if check.head_sha == made_up:
                    check.head_sha = sha

    def pull_requests(self) -> list[Thread]:
        return [thread for thread in self.threads.values() if thread.is_pull_request]

    def _is_here(self, thread: Thread) -> bool:
        return thread.head_repository == REPOSITORY

    def set_state(self, thread: Thread, state: Literal["open", "closed"]) -> None:
        thread.state = state
        self.touch(thread)

    def touch(self, thread: Thread) -> None:
        """Notes that a thread has been changed."""
        thread.updated_at = self.now()
        self.changed()

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

    def role(self, account: Account, repository: str = REPOSITORY) -> Role:
        """An account's role in a repository; in one that does not exist, none."""
        if repository == REPOSITORY:
            return "read" if account.role == "none" and not self.private else account.role
        if repository == ORGANIZATION_REPOSITORY:
            return "read" if self.organization_files else "none"
        other = self.other_repositories.get(repository)
        if other is None:
            return "none"
        return other.roles.get(account.login, "none" if other.private else "read")

    def files_on(self, ref: str, repository: str = REPOSITORY) -> dict[str, str]:
        """The text of each file on a branch."""
        if repository == REPOSITORY:
            return {path: text for (branch, path), text in self.files.items() if branch == ref}
        if ref != DEFAULT_BRANCH:
            return {}
        if repository == ORGANIZATION_REPOSITORY:
            return self.organization_files
        return self.other_repositories[repository].files

    def texts(self, repository: str) -> dict[str, dict[str, str]]:
        """The files of each branch that has any."""
        if repository == REPOSITORY:
            found: dict[str, dict[str, str]] = {}
            for (branch, path), text in self.files.items():
                found.setdefault(branch, {})[path] = text
            return found
        other = self.other_repositories.get(repository)
        main = self.organization_files if other is None else other.files
        branches = {} if other is None else other.branches
        return ({DEFAULT_BRANCH: main} if main else {}) | branches

    def set_texts(self, repository: str, branch: str, texts: dict[str, str]) -> None:
        """Replaces the files of a branch."""
        if repository == REPOSITORY:
            for key in [key for key in self.files if key[0] == branch]:
                del self.files[key]
            self.files |= {(branch, path): text for path, text in texts.items()}
            return
        other = self.other_repositories.get(repository)
        if branch == DEFAULT_BRANCH:
            main = self.organization_files if other is None else other.files
            main.clear()
            main.update(texts)
        elif other is not None:
            other.branches[branch] = texts

    def parent(self, repository: str) -> str | None:
        """The repository that this one is a fork of."""
        other = self.other_repositories.get(repository)
        return other.parent if other is not None else None

    def repositories(self) -> list[str]:
        """The names of all repositories, in lower case."""
        organization = [ORGANIZATION_REPOSITORY] if self.organization_files else []
        return [REPOSITORY, *organization, *self.other_repositories]

    def exists(self, repository: str) -> bool:
        if repository == ORGANIZATION_REPOSITORY:
            return bool(self.organization_files)
        return repository == REPOSITORY or repository in self.other_repositories

    def is_archived(self, repository: str) -> bool:
        other = self.other_repositories.get(repository)
        return other is not None and other.archived

    def full_name(self, repository: str) -> str:
        """A repository's name in its own case."""
        other = self.other_repositories.get(repository)
        return other.name if other is not None else repository

    def owner_of(self, repository: str) -> Account:
        return self.account(repository.partition("/")[0]) or self.accounts[OWNER]

    def open_thread(
        self,
        login: str,
        title: str,
        body: str | None,
        *,
        branch: str | None = None,
        head_sha: str = "",
        **values: Any,
    ) -> Thread:
        """Opens a pull request if there is a branch, else an issue.

        :param head_sha: the branch's head; empty: a new commit
        :param values: the optional ones of `Thread`
        """
        now = self.now()
        number = len(self.threads) + 1
        thread = Thread(self.next_id(), number, self.accounts[login], title, body, now, now, branch, **values)
        if branch:
            thread.head_sha = head_sha or self.sha()
        self.threads[number] = thread
        self.changed()
        return thread

    def push(self, number: int) -> Thread:
        """Adds a commit to a pull request's branch."""
        thread = self.threads[number]
        thread.head_sha = self.sha()
        self.changed()
        return thread

    def write(self, login: str, number: int, text: str, *, kind: Kind = "issue-comment", **place: Any) -> Comment:
        """:param place: of a comment on a line: the optional fields of `Comment`"""
        now = self.now()
        comment = Comment(self.next_id(), kind, number, self.accounts[login], [text], now, now, **place)
        self.comments[comment.id] = comment
        self.threads[number].updated_at = now
        self.changed()
        return comment

    def edit(self, comment: Comment, text: str) -> None:
        comment.versions.append(text)
        comment.updated_at = self.now()
        self.changed()

    def delete(self, comment: Comment) -> None:
        del self.comments[comment.id]
        self.changed()

    def of_thread(self, number: int, kind: Kind) -> list[Comment]:
        return [each for each in self.comments.values() if each.number == number and each.kind == kind]

    def react(self, reactions: list[Reaction], account: Account, content: str) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new: an account has at most one of each kind."""
        for known in reactions:
            if known.account is account and known.content == content:
                return known, False
        reaction = Reaction(self.next_id(), account, content, self.now())
        reactions.append(reaction)
        self.changed()
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
        self.changed()
        return True

    def unlabel(self, thread: Thread, name: str) -> bool:
        """Removes a label; returns whether it was set."""
        for known in thread.labels:
            if known.lower() == name.lower():
                thread.labels.remove(known)
                thread.updated_at = self.now()
                self.changed()
                return True
        return False

    def check_suite_id(self, sha: str, app: str) -> int:
        """The number of an App's checks on a commit."""
        return self._check_suites.setdefault((sha, app), len(self._check_suites) + 1)

    def add_check_run(
        self, name: str, head_sha: str, *, status: str = "queued", conclusion: str | None = None, **values: Any
    ) -> CheckRun:
        """A check that has ended if it has a conclusion.

        :param values: the optional ones of `CheckRun`
        """
        now, completed_at = self.now(), None
        if conclusion is not None:
            status, completed_at = "completed", now
        check = CheckRun(self.next_id(), name, head_sha, status, conclusion, now, completed_at, **values)
        self.check_runs[check.id] = check
        self.changed()
        return check


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
            **dict.fromkeys(("actions", "members", "metadata"), "read"),
            **dict.fromkeys(("checks", "contents", "issues", "pull_requests"), "write"),
        },
        ["issue_comment", "issues", "pull_request", "pull_request_review", "pull_request_review_comment"],
        installation_id=INSTALLATION_ID,
        html_url=f"https://github.com/apps/{APP_SLUG}",
    )
