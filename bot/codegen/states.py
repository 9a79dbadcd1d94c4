"""A run's status made one of few: Codegen's API, tools and docs write it in several ways."""

from __future__ import annotations

import re
from enum import StrEnum


class State(StrEnum):
    """How far a run is."""

    QUEUED = "queued"
    WORKING = "working"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    OUT_OF_TOKENS = "out-of-tokens"
    MAX_ITERATIONS = "max-iterations"

    @property
    def finished(self) -> bool:
        return self not in {State.QUEUED, State.WORKING}


_STATES = {
    "pending": State.QUEUED,
    "queued": State.QUEUED,
    "complete": State.SUCCEEDED,
    "completed": State.SUCCEEDED,
    "success": State.SUCCEEDED,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "failure": State.FAILED,
    "error": State.FAILED,
    "cancelled": State.CANCELLED,
    "canceled": State.CANCELLED,
    "stopped": State.CANCELLED,
    "timeout": State.TIMED_OUT,
    "timed_out": State.TIMED_OUT,
    "out_of_tokens": State.OUT_OF_TOKENS,
    "max_iterations_reached": State.MAX_ITERATIONS,
    "max_iterations": State.MAX_ITERATIONS,
}


WORKING_WORDS = frozenset({"active", "running", "evaluation", "in_progress", "working"})
"""What Codegen's tools and docs write of a run at work, beside whatever else nobody knows."""


def is_known(status: str) -> bool:
    """Whether it is one of the spellings that Codegen uses, or our own word for a state."""
    word = _word(status)
    return word in {*_STATES, *WORKING_WORDS, *(state.value.replace("-", "_") for state in State)}


def normalise(status: str | None) -> State:
    """The state that a status means, whatever its case and separators. One that nobody knows means still working."""
    return _STATES.get(_word(status or ""), State.WORKING)


def _word(status: str) -> str:
    return re.sub(r"[\s_-]+", "_", status.strip()).lower()
