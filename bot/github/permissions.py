"""The App permissions that each call to GitHub needs: the source of the manifest, the doctor and docs/setup.md.

GitHub lists them by address (https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps).
Where the list accepts either of two permissions, it means each for its own kind of thread: the bot works on both kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class AccessLevel(StrEnum):
    """The access level of a permission; a later one includes the earlier."""

    READ = "read"
    WRITE = "write"

    @property
    def words(self) -> str:
        """As in GitHub's settings pages."""
        return "read and write" if self is AccessLevel.WRITE else "read"


READ, WRITE = AccessLevel.READ, AccessLevel.WRITE

_LEVELS = ["", *AccessLevel, "admin"]


@dataclass(frozen=True, slots=True)
class Need:
    """What one call needs.

    :param reason: what the bot does with it, such as "replies"
    :param permissions: all of them, by the names of GitHub's API
    """

    reason: str
    permissions: Mapping[str, AccessLevel]


_THREADS_READ: Mapping[str, AccessLevel] = {"issues": READ, "pull_requests": READ}
_THREADS_WRITE: Mapping[str, AccessLevel] = {"issues": WRITE, "pull_requests": WRITE}

NEEDS: Mapping[str, Need] = {
    "permission": Need("checks who may give commands", {"metadata": READ}),
    "own_permission": Need("checks its own permission", {"metadata": READ}),
    "is_private": Need("checks whether a repository is private", {"metadata": READ}),
    "default_branch": Need("finds the default branch", {"metadata": READ}),
    "repository": Need("reads where to clone a repository from", {"metadata": READ}),
    "repositories": Need("lists the repositories that it works on", {"metadata": READ}),
    "file": Need("reads the config file", {"contents": READ}),
    "shows_files": Need("checks that there is no config file", {"contents": READ}),
    "comment": Need("replies", _THREADS_WRITE),
    "edit_comment": Need("updates its replies", _THREADS_WRITE),
    "delete_comment": Need("deletes a duplicate reply", _THREADS_WRITE),
    "comments": Need("finds its replies", _THREADS_READ),
    "comments_since": Need("finds commands that it missed", _THREADS_READ),
    "react": Need("marks a command with a reaction", _THREADS_WRITE),
    "reacted": Need("sees confirmations by thumbs-up", {"issues": READ}),
    "thread": Need("reads the issue or pull request", {"issues": READ}),
    "threads_labelled": Need("finds threads by label", {"issues": READ}),
    "labels": Need("reads a thread's labels", _THREADS_READ),
    "repository_labels": Need("reads a repository's labels", _THREADS_READ),
    "add_labels": Need("adds labels", _THREADS_WRITE),
    "remove_label": Need("removes labels", _THREADS_WRITE),
    "create_label": Need("creates its labels", _THREADS_WRITE),
    "pull_request": Need("reads a pull request's branch and head", {"pull_requests": READ}),
    "reviews": Need("finds its reviews", {"pull_requests": READ}),
    "review_comments": Need("finds its comments on lines", {"pull_requests": READ}),
    "create_review": Need("writes a review", {"pull_requests": WRITE}),
    "edit_review": Need("updates its review", {"pull_requests": WRITE}),
    "edit_review_comment": Need("updates its comments on lines", {"pull_requests": WRITE}),
    "pull_request_files": Need("reads what a pull request changes", {"pull_requests": READ}),
    "find_pull_request": Need("finds the pull request of a branch", {"pull_requests": READ}),
    "create_pull_request": Need("opens pull requests", {"pull_requests": WRITE}),
    "edit_pull_request": Need("edits and closes its pull requests", {"pull_requests": WRITE}),
    "set_draft": Need("makes its pull requests drafts or ready for review", {"pull_requests": WRITE}),
    "check_runs": Need("finds failed checks", {"checks": READ}),
    "job_name": Need("tells the jobs of a workflow that is called twice apart", {"actions": READ}),
    "job_log": Need("reads the logs of failed jobs", {"actions": READ}),
}
"""By the operation names of the client's calls, which errors and metrics carry too."""

PUSH = Need("pushes what agents of your own have done", {"contents": WRITE})
"""What agents of one's own need beyond the calls, by git."""

OWN_AGENTS_NEEDS: Mapping[str, Need] = {
    "delete_branch": Need("deletes the branches of their attempts that were not kept", {"contents": WRITE}),
}
"""Calls that are only made for agents of one's own."""

WITHOUT_PERMISSION = frozenset(
    {
        "new_app",
        "me",
        "user",
        "app",
        "app_hook",
        "installation",
        "installation_token",
        "installations",
        "deliveries",
        "redeliver",
    }
)
"""Calls that need no permission: an App makes them as itself, with its key, or its creator with a code."""

WITH_TOKEN_ONLY = frozenset({"hooks"})
"""Calls that only a bot with a plain token makes: an App has a webhook of its own."""

TITLES: Mapping[str, str] = {
    "actions": "Actions",
    "checks": "Checks",
    "contents": "Contents",
    "issues": "Issues",
    "metadata": "Metadata",
    "pull_requests": "Pull requests",
}
"""The permissions' names in GitHub's settings pages."""


def _needs(*, own_agents: bool) -> list[Need]:
    return [*NEEDS.values(), *([PUSH, *OWN_AGENTS_NEEDS.values()] if own_agents else [])]


def needed(*, own_agents: bool = False) -> dict[str, AccessLevel]:
    """What an App has to be granted for all calls, and no more; by name.

    :param own_agents: whether it also has to push, for agents of one's own
    """
    found: dict[str, AccessLevel] = {}
    for need in _needs(own_agents=own_agents):
        for name, level in need.permissions.items():
            if not holds(found.get(name, ""), level):
                found[name] = level
    return dict(sorted(found.items()))


def holds(granted: str, level: AccessLevel) -> bool:
    """Whether that level is granted.

    :param granted: a level of GitHub's; empty: none
    """
    return granted in _LEVELS and _LEVELS.index(granted) >= _LEVELS.index(level)


def reasons(name: str, *, own_agents: bool = False) -> list[str]:
    """What a permission is used for, the uses that need write access first."""
    needs = [need for need in _needs(own_agents=own_agents) if name in need.permissions]
    return [need.reason for need in sorted(needs, key=lambda need: need.permissions[name] is not WRITE)]
