"""Real repositories on this machine's disk, served by path, and the little of GitHub that workspaces ask for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.agents.workspace.workspaces import Workspaces
from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.models import PullRequest, Repository

REPOSITORY = "octo/shop"
NOWHERE = "http://127.0.0.1:1/octo/shop.git"
"""An address at which no server listens."""

PROTOCOLS = ("file", "http")


def git(folder: Path, *arguments: str, input: str = "") -> str:  # noqa: A002 - as in subprocess
    """Runs git as a developer would, without this machine's configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Alice",
        "GIT_AUTHOR_EMAIL": "alice@example.com",
        "GIT_COMMITTER_NAME": "Alice",
        "GIT_COMMITTER_EMAIL": "alice@example.com",
    }
    done = subprocess.run(  # noqa: S603 - our own words
        ["git", *arguments],  # noqa: S607 - git of the path
        cwd=folder,
        env=environment,
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class Developer:
    """A person's clone, and the bare repository that it is pushed to."""

    folder: Path
    origin: Path

    def commit(self, files: Mapping[str, str | None], message: str = "Work", *, branch: str | None = None) -> str:
        """Commits files (None: deleted) on the current branch, or on another one from there, and pushes."""
        if branch is not None:
            git(self.folder, "checkout", "-q", "-B", branch)
        for name, text in files.items():
            place = self.folder / name
            if text is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", message)
        git(self.folder, "push", "-q", "--force", "origin", "HEAD")
        return self.head()

    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")

    def switch(self, branch: str) -> None:
        git(self.folder, "fetch", "-q", "origin")
        git(self.folder, "checkout", "-q", "-B", branch, f"origin/{branch}")


def new_repository(folder: Path, files: Mapping[str, str]) -> Developer:
    """A bare repository whose main branch has these files."""
    origin, clone = folder / "origin.git", folder / "clone"
    git(folder, "init", "-q", "--bare", "-b", "main", str(origin))
    git(folder, "init", "-q", "-b", "main", str(clone))
    git(clone, "remote", "add", "origin", str(origin))
    developer = Developer(clone, origin)
    developer.commit(files, "Begin")
    return developer


@dataclass
class LocalGitHub:
    """:param opened: the pull requests that the bot opened
    :param failure: raised instead of opening one
    """

    developer: Developer
    pull_requests: dict[int, PullRequest] = field(default_factory=dict)
    opened: list[PullRequest] = field(default_factory=list)
    failure: UpstreamError | None = None

    async def pull_request(self, repository: str, number: int) -> PullRequest:
        if number not in self.pull_requests:
            raise UpstreamError(Service.GITHUB, ErrorKind.NOT_FOUND, "pull_request", 404)
        return self.pull_requests[number]

    async def find_pull_request(self, repository: str, branch: str) -> PullRequest | None:
        found = [each for each in self.pull_requests.values() if each.head_branch == branch and each.is_open]
        return found[0] if found else None

    async def create_pull_request(self, repository: str, *, title: str, body: str, head: str, base: str) -> PullRequest:
        if self.failure is not None:
            raise self.failure
        number = 100 + len(self.opened)
        made = PullRequest(
            number=number,
            title=title,
            body=body,
            url=f"https://github.example/{REPOSITORY}/pull/{number}",
            state="open",
            head_branch=head,
            head_sha=git(self.developer.origin, "rev-parse", f"refs/heads/{head}"),
            base_branch=base,
            head_repository=REPOSITORY,
            repository=REPOSITORY,
        )
        self.opened.append(made)
        self.pull_requests[number] = made
        return made

    async def repository(self, repository: str) -> Repository:
        return Repository(
            id=1,
            name=repository,
            clone_url=str(self.developer.origin),
            default_branch="main",
            is_private=True,
        )

    async def git_token(self, repository: str, *, rejected: str = "") -> str:
        return "ghs_made_up_for_tests"

    def add_pull_request(self, branch: str, *, number: int = 7, fork: bool = False, state: str = "open") -> None:
        """A pull request of the branch as it is at the origin."""
        sha = git(self.developer.origin, "rev-parse", f"refs/heads/{branch}")
        git(self.developer.origin, "update-ref", f"refs/pull/{number}/head", sha)
        if fork:
            git(self.developer.origin, "update-ref", "-d", f"refs/heads/{branch}")
        self.pull_requests[number] = PullRequest(
            number=number,
            title="Change",
            url=f"https://github.example/{REPOSITORY}/pull/{number}",
            state=state,
            head_branch=branch,
            head_sha=sha,
            base_branch="main",
            head_repository="mallory/shop" if fork else REPOSITORY,
            repository=REPOSITORY,
        )


def workspaces(root: Path, github: LocalGitHub) -> Workspaces:
    return Workspaces(root=root, github=github, objects_inside=None, protocols=PROTOCOLS)
