"""What the bot has to be allowed on GitHub, and told of. The README's words for whoever creates an App say the same."""

from __future__ import annotations

from collections.abc import Mapping

from bot.measures import READ_EVENTS

PERMISSIONS: Mapping[str, str] = {
    "actions": "read",  # the logs of failed jobs
    "checks": "read",  # which checks have failed
    "contents": "read",  # the config file
    "issues": "write",  # comments, reactions, labels
    "metadata": "read",  # who may do what
    "pull_requests": "write",  # the same there
}
"""A GitHub App's repository permissions, by the names of GitHub's API."""

EVENTS = READ_EVENTS
"""What a webhook has to tell of, by the names of ``X-GitHub-Event``."""

LABEL_EVENTS = frozenset({"issues", "pull_request"})
"""Those that are for labels only."""

_RANKS = {"": 0, "read": 1, "write": 2, "admin": 3}

_SHOWN = {
    "actions": "Actions",
    "checks": "Checks",
    "contents": "Contents",
    "issues": "Issues",
    "metadata": "Metadata",
    "pull_requests": "Pull requests",
    "issue_comment": "Issue comment",
    "pull_request": "Pull request",
    "pull_request_review": "Pull request review",
    "pull_request_review_comment": "Pull request review comment",
}


def lacking(permissions: Mapping[str, str]) -> list[str]:
    """What is missing of them, in the words of GitHub's settings pages."""
    return [
        f"{_SHOWN[name]}: {'read and write' if least == 'write' else 'read'}"
        for name, least in PERMISSIONS.items()
        if _RANKS.get(permissions.get(name, ""), 0) < _RANKS[least]
    ]


def unheard(events: tuple[str, ...]) -> dict[str, str]:
    """What is missing of the events, each with its words on GitHub's settings pages."""
    return {} if "*" in events else {name: _SHOWN[name] for name in EVENTS if name not in events}
