"""The outcome of a command, for scripts: conclusion, reason, exit status, and a versioned JSON document.

Both the Action's outputs and the command line's ``--json`` are built from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.reason import Reason, of_state
from bot.replies.redaction import redact, redact_all

if TYPE_CHECKING:
    # It imports both clients, which the Action does not need to report that there is no command.
    from bot.stateless.inline_executor import CommandResult

VERSION = 1
"""Version of the JSON document. Existing keys stay; readers may ignore new ones."""


class Conclusion(StrEnum):
    """How the command ended, in GitHub's terms for checks where they exist."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    SKIPPED = "skipped"


class ExitStatus(IntEnum):
    """The exit status of the process."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    TIMED_OUT = 4
    QUOTA_USED_UP = 5
    UNKNOWN_EVENT = 6
    INTERNAL_ERROR = 70
    INTERRUPTED = 130

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    ExitStatus.OK: "Done, or there was nothing to do.",
    ExitStatus.FAILED: "The agent run failed, or GitHub or Codegen did not complete the request.",
    ExitStatus.USAGE: "A setting, an input or an argument is missing or wrong.",
    ExitStatus.REFUSED: "The command is not possible, or its author may not use it.",
    ExitStatus.TIMED_OUT: "The agent run timed out, or was stopped by Codegen's time limit.",
    ExitStatus.QUOTA_USED_UP: "The Codegen plan's agent runs are used up.",
    ExitStatus.UNKNOWN_EVENT: "The workflow's event cannot contain a command.",
    ExitStatus.INTERNAL_ERROR: "Internal error of the bot.",
    ExitStatus.INTERRUPTED: "Interrupted. Agent runs continue at Codegen.",
}

_CONCLUSIONS: dict[Reason, tuple[Conclusion, ExitStatus]] = {
    Reason.COMPLETED: (Conclusion.SUCCESS, ExitStatus.OK),
    Reason.STARTED: (Conclusion.SUCCESS, ExitStatus.OK),
    Reason.NO_COMMAND: (Conclusion.SKIPPED, ExitStatus.OK),
    Reason.ALREADY_ANSWERED: (Conclusion.SKIPPED, ExitStatus.OK),
    Reason.UNKNOWN_EVENT: (Conclusion.FAILURE, ExitStatus.UNKNOWN_EVENT),
    Reason.BAD_INPUT: (Conclusion.FAILURE, ExitStatus.USAGE),
    Reason.USER_ERROR: (Conclusion.REFUSED, ExitStatus.REFUSED),
    Reason.NOT_ALLOWED: (Conclusion.REFUSED, ExitStatus.REFUSED),
    Reason.NOT_CONFIRMED: (Conclusion.REFUSED, ExitStatus.REFUSED),
    Reason.STILL_WORKING: (Conclusion.TIMED_OUT, ExitStatus.TIMED_OUT),
    Reason.RUN_TIMED_OUT: (Conclusion.TIMED_OUT, ExitStatus.TIMED_OUT),
    Reason.RUN_CANCELLED: (Conclusion.CANCELLED, ExitStatus.FAILED),
    Reason.INTERRUPTED: (Conclusion.CANCELLED, ExitStatus.INTERRUPTED),
    Reason.QUOTA_USED_UP: (Conclusion.FAILURE, ExitStatus.QUOTA_USED_UP),
    Reason.INTERNAL_ERROR: (Conclusion.FAILURE, ExitStatus.INTERNAL_ERROR),
}
"""Every other reason is a failure."""

_WORST_FIRST = (
    Conclusion.FAILURE,
    Conclusion.TIMED_OUT,
    Conclusion.CANCELLED,
    Conclusion.REFUSED,
    Conclusion.SUCCESS,
    Conclusion.SKIPPED,
)

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOutcome:
    """The outcome of one command; `carried` is None if there was no command, or it could not be executed.

    :param sentence: what happened, if there is no reply
    """

    reason: Reason
    carried: CommandResult | None = None
    sentence: str = ""

    @property
    def conclusion(self) -> Conclusion:
        return _CONCLUSIONS.get(self.reason, (Conclusion.FAILURE, ExitStatus.FAILED))[0]

    @property
    def exit_status(self) -> ExitStatus:
        return _CONCLUSIONS.get(self.reason, (Conclusion.FAILURE, ExitStatus.FAILED))[1]

    @property
    def triggered(self) -> bool:
        """Whether a command was executed."""
        return self.carried is not None and self.reason not in {Reason.ALREADY_ANSWERED, Reason.NO_COMMAND}

    @property
    def text(self) -> str:
        """The reply, in Markdown, without secrets."""
        return redact(self.carried.reply.text, self.carried.secrets) if self.carried else redact(self.sentence)

    @property
    def main_run(self) -> AgentRun | None:
        """The main result: the last run, which is a multi-run's synthesis."""
        return self.carried.runs[-1] if self.carried and self.carried.runs else None


def outcome_of(carried: CommandResult) -> CommandOutcome:
    """:param carried: an invocation with its final reply"""
    return CommandOutcome(reason=carried.reply.reason or _reason(carried), carried=carried)


def worst(outcomes: Sequence[CommandOutcome]) -> CommandOutcome:
    """The outcome that decides the overall conclusion of several; of equals, the first that has a run.

    :param outcomes: at least one
    """
    return min(outcomes, key=lambda each: (_WORST_FIRST.index(each.conclusion), each.main_run is None))


def _reason(carried: CommandResult) -> Reason:
    match carried.reply.stage:
        case Stage.FINISHED:
            return Reason.COMPLETED
        case Stage.REFUSED:
            return Reason.USER_ERROR
        case _:
            badly = [run for run in carried.runs if not run.succeeded]
            return of_state(badly[-1].state) if badly else Reason.FAILED


def document(outcome: CommandOutcome, others: Sequence[CommandOutcome] = ()) -> dict[str, Any]:
    """The whole as plain JSON, without secrets.

    :param outcome: the one that decides
    :param others: all of them, if a comment contained several commands
    """
    whole = _document(outcome)
    if len(others) > 1:
        whole["commands"] = [_document(each) for each in others]
    return {"version": VERSION, **whole}


def _document(outcome: CommandOutcome) -> dict[str, Any]:
    carried, run = outcome.carried, outcome.main_run
    runs = [*carried.runs] if carried else []
    pull_requests = [link.url for each in reversed(runs) for link in each.github_pull_requests]
    found = {
        "triggered": outcome.triggered,
        "conclusion": outcome.conclusion.value,
        "reason_code": outcome.reason.value,
        "exit_status": outcome.exit_status.value,
        "command": carried.invocation.name if carried else None,
        "identity": carried.invocation.identity if carried else None,
        "agent_run_id": run.id if run else None,
        "agent_run_ids": [each.id for each in runs],
        "status": run.status if run else None,
        "result": run.result if run else None,
        "summary": run.summary if run else None,
        "web_url": run.web_url if run else None,
        "pull_request_url": next((url for url in pull_requests if url), None),
        "comment_url": carried.comment_url if carried else None,
        "text": outcome.text,
        "data": carried.reply.data if carried else None,
        "agent_runs": runs,
    }
    plain: dict[str, Any] = redact_all(_ANYTHING.dump_python(found, mode="json"), carried.secrets if carried else ())
    return plain
