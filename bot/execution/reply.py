"""A reply: a stage, a text, its runs and the reason for its end. Rendering adds the hidden marker."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum
from typing import Any

from bot.codegen.models import AgentRun, State
from bot.commands.registry import sets_latest
from bot.errors import ErrorKind
from bot.execution.phrases import paragraphs
from bot.text.markers import Marker, Stage, write
from bot.text.untrusted import cut

COMMENT_LIMIT = 65_536
"""Characters that GitHub accepts in one comment."""

MARKER_RESERVE = 1_000
"""Characters reserved for the marker: an identity of at most 120 and some dozen run ids."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One state of the answer to a command.

    :param text: Markdown as users read it, without the marker
    :param runs: the agent runs' ids, in the order of their creation
    :param reason: why it ended so, for scripts; None: derived from the stage and the runs
    :param data: the result for scripts: models, or lists of them; None if there is only the text
    :param waits_for: whose confirmation is awaited
    :param confirms: the identities of the commands that this confirms
    """

    stage: Stage
    text: str
    _: KW_ONLY
    runs: tuple[int, ...] = ()
    reason: Reason | None = None
    data: Any = None
    waits_for: str | None = None
    confirms: tuple[str, ...] = ()

    @classmethod
    def of(cls, stage: Stage, *parts: str, run: AgentRun | None = None, reason: Reason | None = None) -> Reply:
        """:param parts: the paragraphs; empty ones are left out
        :param run: the one that it is about
        """
        return cls(stage, paragraphs(*parts), runs=(run.id,) if run else (), reason=reason)

    def with_data(self, data: Any) -> Reply:
        """The same reply with a result for scripts: models, or lists of them."""
        return replace(self, data=data)


def render(reply: Reply, *, identity: str, command: str, worker: str | None = None) -> str:
    """The comment's whole body, within GitHub's limit.

    Its marker names the runs only if they become the thread's latest: a user who may only view a run must not choose
    the run that the next command on the thread selects.

    :param worker: what executes the command, if a later worker must know
    """
    marker = write(
        Marker(
            identity=identity,
            command=command,
            stage=reply.stage,
            runs=reply.runs if sets_latest(command) else (),
            worker=worker,
            waits_for=reply.waits_for,
            confirms=reply.confirms,
        )
    )
    return f"{cut(reply.text, COMMENT_LIMIT - MARKER_RESERVE)}\n\n{marker}"


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
    DRY_RUN = "dry-run"
    UNKNOWN_EVENT = "unknown-event"
    BAD_INPUT = "bad-input"
    INTERRUPTED = "interrupted"


def reason_of_error(kind: ErrorKind) -> Reason:
    """The reason for an upstream error."""
    match kind:
        case ErrorKind.SERVER_FAULT | ErrorKind.NETWORK | ErrorKind.BAD_ANSWER:
            return Reason.UNREACHABLE
        case _:
            return Reason(kind.value)


REASONS_OF_ERRORS = frozenset(map(reason_of_error, ErrorKind))
"""The reasons for which a command did not get what it asked for, whichever run it is about."""


def reason_of_state(state: State) -> Reason:
    """The reason for a run's state."""
    return _OF_STATE[state]


_OF_STATE = {
    State.QUEUED: Reason.STILL_WORKING,
    State.WORKING: Reason.STILL_WORKING,
    State.PAUSED: Reason.STILL_WORKING,
    State.SUCCEEDED: Reason.COMPLETED,
    State.FAILED: Reason.RUN_FAILED,
    State.CANCELLED: Reason.RUN_CANCELLED,
    State.TIMED_OUT: Reason.RUN_TIMED_OUT,
    State.OUT_OF_TOKENS: Reason.RUN_OUT_OF_TOKENS,
    State.MAX_ITERATIONS: Reason.RUN_MAX_ITERATIONS,
}
