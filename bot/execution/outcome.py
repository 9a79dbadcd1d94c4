"""The outcome of a command, for scripts: conclusion, reason, exit status, and a versioned JSON document.

Both the Action's outputs and the command line's ``--json`` are built from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.execution.reply import Reason, Reply, reason_of_state
from bot.text.markers import Stage
from bot.text.redaction.redact import redact
from bot.text.redaction.redacting import redacted

if TYPE_CHECKING:
    # The Action need not load it to report that there is no command.
    from bot.execution.invocation import CommandInvocation

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
    """The exit status of the process, with a sentence for people."""

    sentence: str

    def __new__(cls, value: int, sentence: str) -> Self:
        status = int.__new__(cls, value)
        status._value_ = value
        status.sentence = sentence
        return status

    OK = 0, "Done, or there was nothing to do."
    FAILED = 1, "The agent run failed, or GitHub or Codegen did not complete the request."
    USAGE = 2, "A setting, an input or an argument is missing or wrong."
    REFUSED = 3, "The command is not possible, or its author may not use it."
    TIMED_OUT = 4, "The agent run timed out, or was stopped by Codegen's time limit."
    QUOTA_USED_UP = 5, "The Codegen plan's agent runs are used up."
    UNKNOWN_EVENT = 6, "The workflow's event cannot contain a command."
    INTERNAL_ERROR = 70, "Internal error of the bot."
    INTERRUPTED = 130, "Interrupted. Agent runs continue at Codegen."


_CONCLUSIONS: dict[Reason, tuple[Conclusion, ExitStatus]] = {
    Reason.COMPLETED: (Conclusion.SUCCESS, ExitStatus.OK),
    Reason.STARTED: (Conclusion.SUCCESS, ExitStatus.OK),
    Reason.NO_COMMAND: (Conclusion.SKIPPED, ExitStatus.OK),
    Reason.ALREADY_ANSWERED: (Conclusion.SKIPPED, ExitStatus.OK),
    Reason.DRY_RUN: (Conclusion.SKIPPED, ExitStatus.OK),
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

_NOT_EXECUTED = frozenset({Reason.ALREADY_ANSWERED, Reason.NO_COMMAND, Reason.DRY_RUN})

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The result of a command that was executed.

    :param runs: the agent runs in the order of their creation, each as last read
    :param comment_url: of the reply; None if it was not posted
    :param unposted: why the final reply is not in that comment, although the agents have ended; else empty
    :param secrets: the repository's own patterns of secrets to redact
    """

    invocation: CommandInvocation
    reply: Reply
    runs: tuple[AgentRun, ...] = ()
    comment_url: str | None = None
    unposted: str = ""
    secrets: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOutcome:
    """The outcome of one command; `result` is None if there was no command, or it could not be executed.

    :param sentence: what happened, if there is no reply
    """

    reason: Reason
    result: CommandResult | None = None
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
        return self.result is not None and self.reason not in _NOT_EXECUTED

    @property
    def text(self) -> str:
        """The reply, in Markdown, without secrets."""
        return redact(self.result.reply.text, self.result.secrets) if self.result else redact(self.sentence)

    @property
    def main_run(self) -> AgentRun | None:
        """The main result: the last run, which is a multi-run's synthesis."""
        return self.result.runs[-1] if self.result and self.result.runs else None


def outcome_of(result: CommandResult) -> CommandOutcome:
    """:param result: an invocation with its final reply"""
    return CommandOutcome(reason=result.reply.reason or _reason(result), result=result)


NOTHING_WRITTEN = "This was a dry run: nothing was written."


def of_dry_run(outcome: CommandOutcome, *, has_writes: bool) -> CommandOutcome:
    """A dry run's outcome: a success that changed nothing is none. What was refused or has failed would be so anyway.

    :param has_writes: whether something would have been written: then its runs and texts are made up
    """
    result = outcome.result
    if result is None or outcome.conclusion is not Conclusion.SUCCESS:
        return outcome
    if has_writes:
        result = replace(result, runs=(), comment_url=None, reply=Reply(Stage.FINISHED, NOTHING_WRITTEN))
    return CommandOutcome(reason=Reason.DRY_RUN, result=result)


def worst(outcomes: Sequence[CommandOutcome]) -> CommandOutcome:
    """The outcome that decides the overall conclusion of several; of equals, the first that has a run.

    :param outcomes: at least one
    """
    return min(outcomes, key=lambda each: (_WORST_FIRST.index(each.conclusion), each.main_run is None))


def _reason(result: CommandResult) -> Reason:
    match result.reply.stage:
        case Stage.FINISHED:
            return Reason.COMPLETED
        case Stage.REFUSED:
            return Reason.USER_ERROR
        case _:
            badly = [run for run in result.runs if not run.succeeded]
            return reason_of_state(badly[-1].state) if badly else Reason.FAILED


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
    result, run = outcome.result, outcome.main_run
    runs = [*result.runs] if result else []
    pull_requests = [link.url for each in reversed(runs) for link in each.github_pull_requests]
    found = {
        "triggered": outcome.triggered,
        "conclusion": outcome.conclusion.value,
        "reason_code": outcome.reason.value,
        "exit_status": outcome.exit_status.value,
        "command": result.invocation.name if result else None,
        "identity": result.invocation.identity if result else None,
        "agent_run_id": run.id if run else None,
        "agent_run_ids": [each.id for each in runs],
        "status": run.status if run else None,
        "result": run.result if run else None,
        "summary": run.summary if run else None,
        "web_url": run.web_url if run else None,
        "pull_request_url": next((url for url in pull_requests if url), None),
        "comment_url": result.comment_url if result else None,
        "text": outcome.text,
        "data": result.reply.data if result else None,
        "agent_runs": runs,
    }
    plain: dict[str, Any] = redacted(_ANYTHING.dump_python(found, mode="json"), result.secrets if result else ())
    return plain
