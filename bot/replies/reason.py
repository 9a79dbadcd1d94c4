"""Reason codes of outcomes, for scripts: the Action's `reason-code`, the command line's JSON."""

from __future__ import annotations

from enum import StrEnum

from bot.codegen.models import State
from bot.errors import ErrorKind


class Reason(StrEnum):
    """One code per reason. Scripts compare them, so published codes never change."""

    COMPLETED = "completed"
    STARTED = "started"
    RUN_FAILED = "run-failed"
    RUN_CANCELLED = "run-cancelled"
    RUN_TIMED_OUT = "run-timed-out"
    RUN_OUT_OF_TOKENS = "run-out-of-tokens"
    RUN_MAX_ITERATIONS = "run-max-iterations"
    STILL_WORKING = "still-working"
    FAILED = "failed"

    USER_ERROR = "user-error"
    NOT_ALLOWED = "not-allowed"
    NOT_CONFIRMED = "not-confirmed"

    QUOTA_USED_UP = "quota-used-up"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    INVALID = "invalid"
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    INTERNAL_ERROR = "internal-error"

    NO_COMMAND = "no-command"
    ALREADY_ANSWERED = "already-answered"
    UNKNOWN_EVENT = "unknown-event"
    BAD_INPUT = "bad-input"
    INTERRUPTED = "interrupted"


def of_kind(kind: ErrorKind) -> Reason:
    """The reason for an upstream error."""
    match kind:
        case ErrorKind.SERVER_FAULT | ErrorKind.NETWORK | ErrorKind.BAD_ANSWER:
            return Reason.UNREACHABLE
        case _:
            return Reason(kind.value)


def of_state(state: State) -> Reason:
    """The reason for a run's state."""
    return _OF_STATE[state]


_OF_STATE = {
    State.QUEUED: Reason.STILL_WORKING,
    State.WORKING: Reason.STILL_WORKING,
    State.SUCCEEDED: Reason.COMPLETED,
    State.FAILED: Reason.RUN_FAILED,
    State.CANCELLED: Reason.RUN_CANCELLED,
    State.TIMED_OUT: Reason.RUN_TIMED_OUT,
    State.OUT_OF_TOKENS: Reason.RUN_OUT_OF_TOKENS,
    State.MAX_ITERATIONS: Reason.RUN_MAX_ITERATIONS,
}
