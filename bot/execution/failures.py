"""Replies about failures: what happened, and the next step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.codegen.models import AgentRun
from bot.errors import ErrorKind, Service, UpstreamError
from bot.execution.phrases import duration, paragraphs, quotation, run_link, whole_sentence, with_pull_requests
from bot.execution.reply import Reason, Reply, reason_of_error
from bot.storage.models import Budget, QuotaExceeded
from bot.text.markers import Stage
from bot.text.untrusted import cut, inert, inert_words

IN_A_COMMENT = "give the command again in a new comment"
ON_THE_COMMAND_LINE = "run it again"

OPERATOR_LOG = "the bot's operator finds the cause in the log under"


def upstream(error: UpstreamError, *, retry: str = IN_A_COMMENT) -> Reply:
    """One sentence on what happened, the upstream's message, and what to do.

    :param retry: how to retry
    """
    next_step = explain(error, retry=retry)[1]
    if error.may_have_happened:
        next_step = f"check {error.name} first, because it may have been done anyway; if not, {next_step}"
    detail = cut(inert(error.detail), 500)
    return Reply.of(
        Stage.FAILED,
        f"{_happened(error)}.",
        quotation(detail) if detail else "",
        f"Next: {next_step}",
        reason=reason_of_error(error.kind),
    )


def describe(error: UpstreamError) -> str:
    """What happened, with the upstream's message, in one line: a whole sentence."""
    detail = inert_words(error.detail, 200)
    return whole_sentence(f"{_happened(error)}{f': {detail}' if detail else ''}")


def waits_for_codegen(error: UpstreamError, *, runs: Sequence[int], seconds: float) -> Reply:
    """The command continues when Codegen, or what takes its place, is available again.

    :param runs: those that it concerns so far
    :param seconds: how long it waits
    """
    text = (
        f"Accepted. {_happened(error)}.\n\nThis command waits for {error.name} to be available again, for about "
        f"{duration(seconds)}, and then continues by itself. No action is needed until then."
    )
    return Reply(Stage.ACCEPTED, text, runs=tuple(runs))


def _happened(error: UpstreamError) -> str:
    return f"{explain(error)[0]}{f' ({error.status})' if error.status else ''}"


_RIGHTS = (
    "a GitHub App on its settings page, a workflow by `permissions:` with `issues: write` and `pull-requests: write`"
)
_INTEGRATION = "not accessible by integration"
"""GitHub's message for an App's or a workflow's token that lacks a permission."""


def explain(error: UpstreamError, *, retry: str = IN_A_COMMENT) -> tuple[str, str]:
    """What happened, and what to do next: two sentences, the first without its full stop."""
    name = error.name
    match error.kind:
        case ErrorKind.QUOTA_USED_UP:
            return (
                "Codegen starts no more agent runs: the plan's runs are used up",
                f"whoever manages the Codegen organization must raise the plan or wait for its renewal; then {retry}.",
            )
        case ErrorKind.UNAUTHORIZED:
            is_codegen = error.service is Service.CODEGEN
            variable = "`CODEGEN_API_TOKEN`" if is_codegen else "`GITHUB_TOKEN` or the App's key"
            happened = f"{variable} is invalid: {name} does not accept it"
            if error.status is None:
                # Nothing was sent: the message says why.
                happened = f"There is no usable {variable}"
            if retry == ON_THE_COMMAND_LINE:
                places = "in the environment or the file `.env`, in a workflow in the repository's secrets"
                return happened, f"update it {places}; then {retry}."
            where = "for a workflow in the repository's secrets"
            return happened, f"the bot's operator must update it, {where}; then {retry}."
        case ErrorKind.FORBIDDEN:
            needed = (
                f"the bot this permission: {_RIGHTS}" if _INTEGRATION in error.detail else "its token the permission"
            )
            return f"{name} does not let the bot do this", f"the bot's operator must give {needed}; then {retry}."
        case ErrorKind.NOT_FOUND:
            return (
                f"{name} did not find it",
                "check the number; the bot sees only what belongs to its organization and this repository.",
            )
        case ErrorKind.INVALID:
            return f"{name} did not accept the request", f"change the command as its message says; then {retry}."
        case ErrorKind.RATE_LIMITED:
            wait = f" in {duration(error.retry_after)}" if error.retry_after else " in a few minutes"
            return f"{name} keeps rate-limiting the bot", f"{retry}{wait}."
        case ErrorKind.SERVER_FAULT | ErrorKind.BAD_ANSWER:
            return f"{name} failed, and retrying did not help", f"{retry} in a few minutes."
        case ErrorKind.NETWORK if error.may_have_happened:
            return f"{name} was sent the request, but its response did not arrive", f"{retry} in a few minutes."
        case ErrorKind.NETWORK:
            return f"{name} cannot be reached, and retrying did not help", f"{retry} in a few minutes."


def internal_error(identity: str, *, retry: str) -> Reply:
    """The log has the details under the identity."""
    return Reply.of(
        Stage.FAILED,
        "The bot hit an internal error while executing this command.",
        f"Next: {retry}; if it fails again, {OPERATOR_LOG} `{identity}`.",
        reason=Reason.INTERNAL_ERROR,
    )


def over_budget(exceeded: QuotaExceeded, *, login: str, runs: int, now: datetime) -> str:
    """:param runs: how many were requested"""
    whose = {
        Budget.PERSON: f"`{login}` in this repository",
        Budget.THREAD: "this thread",
        Budget.REPOSITORY: "this repository",
    }[exceeded.budget]
    requested = "this run is one" if runs == 1 else f"these {runs} runs are"
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (
        f"The budget for {whose} is {exceeded.limit} agent run{'s' if exceeded.limit != 1 else ''} a day "
        f"(`runs-per-{exceeded.budget.value}-a-day`); {exceeded.used} are used, and {requested} too many.\n\n"
        f"Next: the count resets at 00:00 UTC, in {duration((midnight - now).total_seconds())}. Whoever may change the "
        "config file can raise the limit."
    )


LONGEST_URL = 500
"""Characters. Whatever an upstream sends, this reply is short and takes no time."""


def unprepared(runs: Sequence[AgentRun], *, identity: str, retry: str) -> Reply:
    """The final reply if the texts for the ordinary one could not be prepared.

    :param runs: those that the command has seen, in their last known states
    :param identity: of the command, under which the log has the details
    :param retry: how to repeat the command
    """
    if not runs:
        return Reply.of(
            Stage.FAILED,
            "The reply could not be prepared in time.",
            f"Next: {retry}; if it fails again, {OPERATOR_LOG} `{identity}`.",
            reason=Reason.INTERNAL_ERROR,
        )
    shown = [_without_texts(run) for run in runs]
    is_over = all(run.finished for run in shown)
    head = "Finished" if all(run.succeeded for run in shown) else "Ended" if is_over else "Last known state"
    states = [f"{run_link(run)} ({run.state.value}{with_pull_requests(run)})" for run in shown]
    is_good = is_over and any(run.succeeded for run in shown)
    return Reply(
        Stage.FINISHED if is_good else Stage.FAILED,
        paragraphs(
            f"{head}: {states[0]}." if len(states) == 1 else f"{head}:",
            "" if len(states) == 1 else "\n".join(f"- {state}" for state in states),
            "The agent's answer could not be prepared for this comment in time.",
            "Next: read it on the run's page.",
        ),
        runs=tuple(run.id for run in shown),
    )


def _without_texts(run: AgentRun) -> AgentRun:
    links = [link for link in run.github_pull_requests if len(link.url or "") <= LONGEST_URL]
    return run.model_copy(
        update={
            "web_url": run.web_url if len(run.web_url or "") <= LONGEST_URL else None,
            "github_pull_requests": tuple(link.model_copy(update={"title": None}) for link in links),
        }
    )
