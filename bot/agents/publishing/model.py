"""What is published, for whom, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.agents.model import TurnError
from bot.github.models import PullRequest
from bot.storage.agent_models import Changes
from bot.text.untrusted import inert_words

TITLE_LIMIT = 72
"""Characters of a commit's first line, and of a pull request's title."""


class PullRequestHost(Protocol):
    """What publishing needs of `bot.github.client.GitHub`."""

    async def pull_request(self, repository: str, number: int) -> PullRequest: ...

    async def find_pull_request(self, repository: str, branch: str) -> PullRequest | None: ...

    async def create_pull_request(
        self, repository: str, *, title: str, body: str, head: str, base: str
    ) -> PullRequest: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who commits."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


def account_identity(login: str, account_id: int | None = None) -> Identity:
    """A GitHub account as the author of a commit: by its noreply address, which GitHub links to the account."""
    prefix = "" if account_id is None else f"{account_id}+"
    return Identity(name=login, email=f"{prefix}{login}@users.noreply.github.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """:param asked: the person's request; it becomes public if the repository is
    :param summary: the agent's final answer
    :param agent: the agent's name
    :param author: the bot's account
    :param co_author: the person who asked
    :param thread: the issue or pull request where it was asked
    :param run_url: the run's page
    :param secret_patterns: the repository's own
    :param opens_pull_request: whether a branch without a pull request gets one
    """

    asked: str
    author: Identity
    agent: str
    summary: str = ""
    co_author: Identity | None = None
    thread: int | None = None
    run_url: str | None = None
    secret_patterns: tuple[str, ...] = ()
    opens_pull_request: bool = True

    @property
    def title(self) -> str:
        first = next((line.strip("# \t*_>-") for line in self.asked.splitlines() if line.strip("# \t*_>-")), "")
        return inert_words(first, TITLE_LIMIT) if first else "Changes by a coding agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was published.

    :param commit: None if there was nothing to commit
    :param branch: the branch that has it
    :param pull_request: of the branch; None if there is no commit and was none before
    :param is_opened: whether the run opened the pull request just now
    :param notes: what the user should know, in sentences
    :param changes: of the branch; None if there is no commit
    """

    commit: str | None
    branch: str
    pull_request: PullRequest | None
    is_opened: bool = False
    notes: tuple[str, ...] = ()
    changes: Changes | None = None


class UnpublishedError(TurnError):
    """The changes are not on GitHub, or not in a pull request.

    :param patch: the changes, redacted, and shortened to `diffs.PATCH_LIMIT`; empty if they are on a branch
    :param branch: the branch that has them
    """

    def __init__(self, sentence: str, patch: str = "", branch: str | None = None) -> None:
        super().__init__(sentence)
        self.args = (sentence, patch, branch)
        self.patch = patch
        self.branch = branch
