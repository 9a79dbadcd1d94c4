"""Commits, diffs and pushes, as git has them."""

from __future__ import annotations

from dataclasses import dataclass, field

NO_COMMIT = "0" * 40
"""What stands for a commit where a branch begins or ends."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. `added`, `removed` and `modified`: the paths that it changed."""

    sha: str
    tree: str
    parents: list[str]
    author: str
    email: str
    date: str
    message: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of a diff. `status`: git's letter. `patch`: the hunks, empty for a binary file."""

    path: str
    previous_path: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A change of a branch or tag. `before` and `after`: its commits, None if it was created or deleted."""

    ref: str
    before: str | None
    after: str | None
    commits: list[Commit]
    forced: bool = False
