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

    :param reason: what the bot does with it, as the end of "so that it ..."
    :param permissions: all of them, by the names of GitHub's API
    """

    reason: str
    permissions: Mapping[str, AccessLevel]


_THREADS_READ: Mapping[str, AccessLevel] = {"issues": READ, "pull_requests": READ}
_THREADS_WRITE: Mapping[str, AccessLevel] = {"issues": WRITE, "pull_requests": WRITE}

NEEDS: Mapping[str, Need] = {
    "permission": Need("sees who may give a command", {"metadata": READ}),
    "own_permission": Need("sees what it may do itself", {"metadata": READ}),
    "is_private": Need("sees whether everybody can read a repository", {"metadata": READ}),
    "default_branch": Need("finds the default branch", {"metadata": READ}),
    "file": Need("reads the config file", {"contents": READ}),
    "shows_files": Need("sees that there is no config file", {"contents": READ}),
    "comment": Need("replies", _THREADS_WRITE),
    "edit_comment": Need("keeps its replies up to date", _THREADS_WRITE),
    "delete_comment": Need("takes back a reply that came twice", _THREADS_WRITE),
    "get_comment": Need("reads a comment", _THREADS_READ),
    "comments": Need("finds its replies", _THREADS_READ),
    "comments_since": Need("finds what it missed while it was down", _THREADS_READ),
    "react": Need("marks a command with a reaction", _THREADS_WRITE),
    "reacted": Need("sees a thumbs-up that confirms", {"issues": READ}),
    "unreact": Need("takes its reaction back", _THREADS_WRITE),
    "thread": Need("reads what the agent is asked about", {"issues": READ}),
    "threads_labelled": Need("finds what carries a label", {"issues": READ}),
    "labels": Need("sees a thread's labels", _THREADS_READ),
    "repository_labels": Need("sees which labels there are", _THREADS_READ),
    "add_labels": Need("puts labels on", _THREADS_WRITE),
    "remove_label": Need("takes labels off", _THREADS_WRITE),
    "create_label": Need("makes its labels", _THREADS_WRITE),
    "pull_request": Need("reads a pull request's branch and head", {"pull_requests": READ}),
    "check_runs": Need("sees which checks failed", {"checks": READ}),
    "job_log": Need("reads the logs of failed jobs", {"actions": READ}),
}
"""By the operation names of the client's calls, which errors and metrics carry too."""

OWN_AFFAIRS = frozenset(
    {
        "new_app",
        "me",
        "app",
        "app_hook",
        "installation",
        "installation_token",
        "installations",
        "deliveries",
        "redeliver",
    }
)
"""Calls that an App makes as itself, with its key, or anybody with a code: they need no permission."""

WITH_A_TOKEN = frozenset({"hooks"})
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


def needed() -> dict[str, AccessLevel]:
    """What an App has to be granted for all calls, and no more; by name."""
    found: dict[str, AccessLevel] = {}
    for need in NEEDS.values():
        for name, level in need.permissions.items():
            if not holds(found.get(name, ""), level):
                found[name] = level
    return dict(sorted(found.items()))


def holds(granted: str, level: AccessLevel) -> bool:
    """Whether that level is granted.

    :param granted: a level of GitHub's; empty: none
    """
    return granted in _LEVELS and _LEVELS.index(granted) >= _LEVELS.index(level)


def reasons(name: str) -> list[str]:
    """What a permission is used for, the uses that need write access first."""
    found = [(need.permissions[name], need.reason) for need in NEEDS.values() if name in need.permissions]
    return [reason for level, reason in found if level is WRITE] + [
        reason for level, reason in found if level is not WRITE
    ]
