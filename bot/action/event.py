"""The event that triggered the workflow, read from the runner's event file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import os_reason
from bot.github.events import Event, MalformedEventError, parse, thread_in
from bot.github.models import Thread

KNOWN = (
    "issue_comment",
    "pull_request_review_comment",
    "pull_request_review",
    "pull_request",
    "pull_request_target",
    "issues",
)
"""The events that can contain a command."""


class EventError(ValueError):
    """The event cannot be read; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEvent:
    """The event that triggered the workflow.

    :param name: the event's name
    :param payload: as GitHub sent it
    :param repository: ``owner/name``; empty outside of a workflow
    """

    name: str
    payload: dict[str, Any]
    repository: str

    @property
    def action(self) -> str:
        """The payload's action: ``created``, ``labeled`` and so on; empty if it has none."""
        return str(self.payload.get("action") or "")

    def typed(self) -> Event | None:
        """The typed event; None if it is irrelevant to the bot.

        :raises EventError: if a part is missing
        """
        try:
            # `pull_request_target` differs from `pull_request` only in whose code the workflow runs.
            return parse(self.name.removesuffix("_target"), self.payload)
        except MalformedEventError as error:
            raise EventError(str(error)) from None

    @property
    def thread(self) -> Thread | None:
        """The pull request or issue in the payload, whatever the event."""
        return thread_in(self.payload)

    @property
    def pull_request_number(self) -> int | None:
        """The pull request of a workflow run, a check run or a check suite, as far as GitHub names it."""
        for name in ("workflow_run", "check_run", "check_suite"):
            part = self.payload.get(name)
            links = part.get("pull_requests") if isinstance(part, dict) else None
            for link in links if isinstance(links, list) else ():
                # For a push to a fork it also lists pull requests of the upstream repository.
                match link:
                    case {"number": int(number), "base": {"repo": {"url": str(url)}}}:
                        if url.lower().endswith(f"/{self.repository.lower()}"):
                            return number
        return None

    @property
    def is_from_fork(self) -> bool:
        """Whether it is a fork's pull request, whose workflows get no secrets."""
        match self.payload.get("pull_request"):
            case {"head": {"repo": {"full_name": str(head)}}, "base": {"repo": {"full_name": str(base)}}}:
                return head != base
            case {"head": {"repo": None}}:
                # The fork was deleted, its pull request was not.
                return True
            case _:
                return False


def read_event(environ: Mapping[str, str]) -> TriggerEvent:
    """:raises EventError: if the event file cannot be read"""
    path = environ.get("GITHUB_EVENT_PATH", "")
    try:
        payload: Any = json.loads(Path(path).read_bytes()) if path else {}
    except OSError as error:
        raise EventError(f"GITHUB_EVENT_PATH names {path}, which cannot be read: {os_reason(error)}.") from None
    except (ValueError, RecursionError):
        raise EventError(f"GITHUB_EVENT_PATH names {path}, which is not valid JSON.") from None
    if not isinstance(payload, dict):
        raise EventError(f"GITHUB_EVENT_PATH names {path}, which is not a JSON object.")
    return TriggerEvent(
        name=environ.get("GITHUB_EVENT_NAME", ""), payload=payload, repository=environ.get("GITHUB_REPOSITORY", "")
    )
