"""Missing GitHub permissions and webhook events."""

from __future__ import annotations

from collections.abc import Mapping

from bot.github.permissions import TITLES, holds, needed
from bot.measures import READ_EVENTS

EVENTS = READ_EVENTS
"""The events that a webhook has to send, by the names of ``X-GitHub-Event``."""

LABEL_EVENTS = frozenset({"issues", "pull_request"})
"""Those needed for labels only."""

_SHOWN = {
    "issue_comment": "Issue comment",
    "issues": "Issues",
    "pull_request": "Pull request",
    "pull_request_review": "Pull request review",
    "pull_request_review_comment": "Pull request review comment",
}


def lacking(permissions: Mapping[str, str]) -> list[str]:
    """The missing permissions, in the words of GitHub's settings pages."""
    return [
        f"{TITLES[name]}: {least.words}"
        for name, least in needed().items()
        if not holds(permissions.get(name, ""), least)
    ]


def unheard(events: tuple[str, ...]) -> dict[str, str]:
    """The missing events, each with its name on GitHub's settings pages."""
    return {} if "*" in events else {name: _SHOWN[name] for name in EVENTS if name not in events}
