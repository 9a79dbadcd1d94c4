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
}


def normalise(status: str | None) -> State:
    """The state that a status means, whatever its case and separators. One that nobody knows means still working."""
    word = re.sub(r"[\s_-]+", "_", (status or "").strip()).lower()
    return _STATES.get(word, State.WORKING)
