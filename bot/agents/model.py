"""What the modules of this package share: log entries, results, usage, failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.storage.agent_models import RunStatus


class MessageType(StrEnum):
    """Codegen's `message_type`s that runs of this package have."""

    USER_MESSAGE = "USER_MESSAGE"
    PLAN_EVALUATION = "PLAN_EVALUATION"
    ACTION = "ACTION"
    FINAL_ANSWER = "FINAL_ANSWER"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One entry of a run's log; the fields are those of Codegen's API."""

    message_type: MessageType
    created_at: datetime
    observation: str | None = None
    thought: str | None = None
    tool_name: str | None = None
    tool_input: Mapping[str, Any] | None = None
    tool_output: Mapping[str, Any] | None = None


UNREACHABLE = 599
"""Used in place of an HTTP status when the model's API could not be reached."""

AddEntry = Callable[[LogEntry], None]
"""Appends to the run's log. Returns at once: a writer stores the entries in batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a turn used; None where the agent does not report it.

    :param cost: US dollars
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResult:
    """How an agent ended a turn, before anything is published.

    :param status: final
    :param text: the agent's final answer; for a failure the sentence that says what happened and what to do
    :param session_id: the session that the next turn continues; None if the agent cannot
    """

    status: RunStatus
    text: str
    session_id: str | None = None
    usage: Usage = field(default_factory=Usage)


class Incident(StrEnum):
    """What metrics count beside the ends of turns."""

    TAKEN_OVER = "taken-over"
    GIVEN_UP = "given-up"
    EGRESS_REFUSED = "egress-refused"
    SANDBOX_FAILED = "sandbox-failed"
    LIMIT_EXCEEDED = "limit-exceeded"


NoteIncident = Callable[[str, Incident], None]
"""Counts an incident of an agent, by its name."""


def ignore_incident(_agent: str, _incident: Incident) -> None:
    """Counts nothing."""


class TurnError(Exception):
    """Ends a turn.

    :param args: the sentence for the user, which says what to do; the status
    """

    def __init__(self, sentence: str, status: RunStatus = RunStatus.FAILED) -> None:
        super().__init__(sentence, status)
        self.sentence = sentence
        self.status = status
