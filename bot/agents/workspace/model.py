"""What a run works on, and where its files are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from bot.github.models import PullRequest, Repository


class RepositoryHost(Protocol):
    """What workspaces need of `bot.github.client.GitHub`."""

    async def repository(self, repository: str) -> Repository: ...

    async def pull_request(self, repository: str, number: int) -> PullRequest: ...

    async def git_token(self, repository: str, *, rejected: str = "") -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRequest:
    """What a run works on.

    :param repository: ``owner/name``
    :param pull_request: whose head it starts from; None: the default branch
    :param own_branch: whether it gets a branch of its own even on a pull request of this repository
    :param slug: words for the name of a branch of its own
    :param branch: the branch that an earlier turn pushed, for when its workspace was on another machine
    :param others: more branches that the agent can look at, as ``origin/BRANCH``
    """

    run_id: int
    repository: str
    pull_request: int | None = None
    own_branch: bool = False
    slug: str = ""
    branch: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """A run's folder; all there is of a run without a repository."""

    folder: Path

    @property
    def worktree(self) -> Path:
        return self.folder / "worktree"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"

    @property
    def stderr(self) -> Path:
        return self.folder / "stderr.log"

    def make(self) -> None:
        for folder in (self.worktree, self.home, self.tmp):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace(RunFolder):
    """The folder of a run on a repository.

    :param branch: that the changes are pushed to
    :param base_branch: that a pull request of the branch asks to merge into
    :param base_sha: where that was when the run started
    :param head_sha: the commit that the files are compared with: the base, or what was pushed or fetched last
    :param is_own_branch: whether the branch is the bot's, so that it needs a pull request of its own
    :param pushed_sha: where the branch is on GitHub, as far as is known; None if it is not there yet
    :param pull_request: of the branch; None if there is none yet
    :param pull_request_url: of a pull request that the run opened
    :param objects: the mirror's, which the agent's repository needs
    :param others: the commits of more branches that the agent can look at
    :param notes: what the user should know about its making, in sentences
    """

    run_id: int
    repository: str
    objects: Path
    branch: str
    base_branch: str
    base_sha: str
    head_sha: str
    is_own_branch: bool
    pushed_sha: str | None = None
    pull_request: int | None = None
    pull_request_url: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def git_dir(self) -> Path:
        return self.folder / "git"

    @property
    def setup_log(self) -> Path:
        return self.folder / "setup.log"

    @property
    def set_up_mark(self) -> Path:
        """Exists once the set-up commands have run."""
        return self.folder / "set-up"

    def save(self) -> None:
        """Writes down what a later turn needs. Blocks shortly."""
        document = asdict(self)
        for name in ("folder", "objects", "notes"):
            del document[name]
        new = self.folder / "workspace.json.new"
        new.write_text(json.dumps(document))
        new.replace(self.folder / "workspace.json")
