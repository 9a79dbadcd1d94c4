"""Normalises a run's status: Codegen's API, tools and docs spell it in several ways."""

from __future__ import annotations

import re
from enum import StrEnum


class State(StrEnum):
    """The state of a run."""

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
"""How Codegen's tools and docs spell a running state; unknown spellings count as one too."""


def is_known(status: str) -> bool:
    """Whether it is one of Codegen's spellings, or the bot's own name of a state."""
    word = _word(status)
    return word in {*_STATES, *WORKING_WORDS, *(state.value.replace("-", "_") for state in State)}


def normalise(status: str | None) -> State:
    """The state that a status means, in any case and with any separators. An unknown one means running."""
    return _STATES.get(_word(status or ""), State.WORKING)


def _word(status: str) -> str:
    return re.sub(r"[\s_-]+", "_", status.strip()).lower()
