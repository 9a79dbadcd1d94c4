"""What the database knows of the runs of agents of your own, as data: new and stored runs, turns, what they used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

N = TypeVar("N", int, float)


class RunStatus(StrEnum):
    """The state of a run, as Codegen names it."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    OUT_OF_TOKENS = "OUT_OF_TOKENS"
    MAX_ITERATIONS_REACHED = "MAX_ITERATIONS_REACHED"


UNFINISHED = (RunStatus.PENDING.value, RunStatus.ACTIVE.value)


class TurnState(StrEnum):
    """The progress of a turn."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


class Purpose(StrEnum):
    """Why there is a run."""

    PROMPT = "prompt"
    SETUP_COMMANDS = "setup-commands"
    """To write a repository's set-up commands, which are the run's result."""

    ANSWER = "answer"
    """To answer only, such as a review; it changes nothing."""

    LOG_ANALYSIS = "log-analysis"
    """To explain a sandbox's log; it changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTurn:
    """A prompt for an agent.

    :param images: data URIs
    :param entry: the prompt as an entry of the run's log
    :param person: the login of the person who asks; None if it is not known
    """

    prompt: str
    images: Sequence[str] = ()
    entry: Mapping[str, Any]
    person: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that is to be stored, with its first turn.

    :param agent: the name of a configured agent
    :param repository: ``owner/name``; None: the agent works in an empty folder
    :param pull_request: on which it was started
    :param asked_in: the repository where it was asked for, whose budgets apply; None: `repository`
    :param thread: the number of the issue or pull request where it was asked for
    """

    user_id: int
    agent: str
    model: str | None = None
    repository: str | None = None
    pull_request: int | None = None
    metadata: Mapping[str, Any] | None = None
    asked_in: str | None = None
    thread: int | None = None
    source_type: str = "API"
    purpose: Purpose = Purpose.PROMPT
    turn: NewTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPullRequest:
    """A pull request that a run opened or works on. `id` is the bot's own."""

    id: int
    run_id: int
    repository: str
    number: int
    title: str
    url: str
    head_branch: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a turn, or several, used; None where it is not known.

    :param cost: US dollars
    :param is_estimated: whether the cost, or a part of it, comes from the price table
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    is_estimated: bool = False

    def __add__(self, other: Used) -> Used:
        return Used(
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            cost=_sum(self.cost, other.cost),
            is_estimated=self.is_estimated or other.is_estimated,
        )


def _sum(one: N | None, other: N | None) -> N | None:
    return other if one is None else one if other is None else one + other


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How a branch differs from its base.

    :param additions: lines, as the deletions; binary files have none
    """

    files: int
    additions: int
    deletions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run.

    :param log_entries: how many its log has
    :param is_cancelling: whether its running turn is to be stopped
    :param person: the login of the person for whom it was started; None if that is not known
    :param used: by all its turns, the running one as far as it has been noted
    :param changes: of its branch, after the last turn that has published
    :param worked: seconds of its ended turns, from the start of each to its end
    :param working_since: when the running turn started; None if none is running
    """

    id: int
    status: str
    created_at: datetime
    ended_at: datetime | None
    user_id: int
    agent: str
    model: str | None
    repository: str | None
    pull_request: int | None
    metadata: Mapping[str, Any] | None
    source_type: str
    purpose: Purpose
    result: str | None
    summary: str | None
    session_id: str | None
    branch: str | None
    checks_banned: bool
    removed: bool
    is_cancelling: bool
    log_entries: int
    person: str | None
    asked_in: str | None
    thread: int | None
    used: Used
    changes: Changes | None
    worked: float
    working_since: datetime | None
    pull_requests: tuple[StoredPullRequest, ...] = field(default=())

    @property
    def is_finished(self) -> bool:
        return self.status not in UNFINISHED


@dataclass(frozen=True, slots=True)
class EarlierTurns:
    """What a run was asked before, as far as it is still stored.

    :param prompts: oldest first
    :param end: the agent's last answer, or the sentence about the last failure; None if there is none
    """

    prompts: tuple[str, ...] = ()
    end: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSandbox:
    """What was run in a workspace before its first turn.

    :param log: the output
    """

    id: int
    run_id: int
    repository: str | None
    log: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A worker that has taken a turn."""

    turn_id: int
    worker: str


@dataclass(frozen=True, slots=True)
class TurnCounts:
    """The turns of all processes.

    :param oldest: when the first of the waiting ones was created; None if there is none
    """

    queued: int
    running: int
    oldest: datetime | None
