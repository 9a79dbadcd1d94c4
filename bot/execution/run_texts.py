"""Replies about an agent run, from its acceptance to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.codegen.models import AgentRun, State
from bot.execution.phrases import (
    duration,
    facts_of,
    paragraphs,
    pull_request_links,
    run_link,
    time_of_day,
    with_pull_requests,
)
from bot.execution.reply import Reason, Reply
from bot.github.models import Thread
from bot.text.markers import Stage
from bot.text.untrusted import cut, folded, inert

UNFOLDED_LIMIT = 1_500
"""Characters of a summary or result that are shown unfolded; longer ones are folded."""

RESULT_LIMIT = 40_000
"""Characters of a result that are shown at all: the run's page has the rest."""

ANSWER_LIMIT = 16_000
"""Characters of an answer that are shown, unfolded; with the excerpts of logs it fits into a comment."""

_MORE = "\n\n… the run's page has the rest."


@dataclass(frozen=True, slots=True)
class Ended:
    """A run when waiting ended, `seconds` after it was started; not finished if the timeout came first.

    :param problem: why the run cannot be followed, or its state is not known, in our own words; usually empty
    """

    run: AgentRun
    seconds: float
    problem: str = ""


def accepted_run(thread: Thread | None, *, slot_in: float) -> Reply:
    """:param slot_in: seconds until Codegen's rate limit allows the run to start"""
    if slot_in >= 1:
        text = (
            "Accepted. Codegen starts at most 10 agent runs a minute, so this one starts in about "
            f"{duration(slot_in)}; no action is needed until then."
        )
    else:
        kind = "" if thread is None else " for this pull request" if thread.is_pull_request else " for this issue"
        text = f"Accepted. Starting an agent run{kind}…"
    return Reply(Stage.ACCEPTED, text)


def started(run: AgentRun) -> Reply:
    text = f"Started: an agent is on it in {run_link(run)}."
    return Reply.of(Stage.STARTED, text, "This comment is kept up to date.", run=run)


def resumed(run: AgentRun) -> Reply:
    text = f"Resumed: {run_link(run)} has the follow-up."
    return Reply.of(Stage.STARTED, text, "This comment is kept up to date.", run=run)


def left(run: AgentRun, *, prefix: str) -> Reply:
    """The command does not wait for the run."""
    return Reply.of(
        Stage.FINISHED,
        f"Started: an agent is on it in {run_link(run)}.",
        f"`{prefix} status {run.id}` shows its progress.",
        run=run,
        reason=Reason.STARTED,
    )


def working(run: AgentRun, *, since: datetime, step: str = "") -> Reply:
    """Times of day instead of durations: a comment that is not edited for a while stays true.

    :param since: when the run was started
    :param step: what its agent did last, as harmless Markdown
    """
    links, start = pull_request_links(run.github_pull_requests), time_of_day(since)
    match run.state:
        case State.PAUSED:
            happening = f"{run_link(run, capital=True)} is paused; it was started at {start}."
        case State.QUEUED:
            happening = f"Waiting for an agent since {start}: {run_link(run)}."
        case _:
            happening = f"Working since {start}: {run_link(run)}."
    return Reply.of(
        Stage.WORKING,
        f"{happening} Last step: {step}." if step else happening,
        "It continues when it is resumed, on Codegen's page or with `resume`." if run.state is State.PAUSED else "",
        f"Pull requests so far: {links}." if links else "",
        run=run,
    )


def outcome(ended: Ended, *, prefix: str) -> Reply:
    """The final reply about a run: it succeeded, it failed, or the bot stopped waiting."""
    run = ended.run
    if not run.finished:
        return _still_running(ended, prefix)
    if not run.succeeded:
        return _failed(run, ended.seconds, prefix)
    return Reply.of(
        Stage.FINISHED,
        f"Finished in {duration(ended.seconds)}: {run_link(run)}{with_pull_requests(run)}.{_facts(run)}",
        agent_text(run),
        follow_up(run, prefix),
        run=run,
    )


def _failed(run: AgentRun, seconds: float, prefix: str) -> Reply:
    happened, next_step = _ENDINGS.get(run.state, _ENDINGS[State.FAILED])
    if run.state is State.OUT_OF_TOKENS and run.is_of_own_agent:
        next_step = "ask for a smaller task with `{prefix} run`, or raise the limit of the model's API."
    elif _ends_with_job(run):
        next_step = "start another one with `{prefix} run <what to do>`; this one ended with its job."
    links = pull_request_links(run.github_pull_requests)
    return Reply.of(
        Stage.FAILED,
        f"{run_link(run, capital=True)} {happened} after {duration(seconds)}.{_facts(run)}",
        agent_text(run),
        f"Pull requests it left: {links}." if links else "",
        f"Next: {next_step.format(prefix=prefix, run=run.id)}",
        run=run,
    )


_ENDINGS: dict[State, tuple[str, str]] = {
    State.FAILED: (
        "failed",
        "see the run's page for details, then continue with `{prefix} resume {run} <a hint>`.",
    ),
    State.CANCELLED: (
        "was stopped",
        "`{prefix} resume {run} <what to do>` continues from there, if that was not intended.",
    ),
    State.TIMED_OUT: (
        "ran out of time",
        "`{prefix} resume {run} go on` gives it more, or ask for a smaller task with `{prefix} run`.",
    ),
    State.OUT_OF_TOKENS: (
        "ran out of tokens",
        "ask for a smaller task with `{prefix} run`, or raise the limit in Codegen's settings.",
    ),
    State.MAX_ITERATIONS: (
        "used up its iterations",
        "`{prefix} resume {run} go on` gives it more, or ask for a smaller task with `{prefix} run`.",
    ),
}


def _still_running(ended: Ended, prefix: str) -> Reply:
    """The run exceeded the bot's timeout; it may still finish."""
    link, seconds = run_link(ended.run, capital=True), duration(ended.seconds)
    is_paused = ended.run.state is State.PAUSED
    doing, goes_on = ("paused", "") if is_paused else ("running", "it continues, but ")
    text = (
        f"{link} was still {doing} when last checked. Its state after {seconds} is unknown, and the bot no longer "
        f"follows it: {ended.problem}"
        if ended.problem
        else f"{link} is still {doing} after {seconds}; {goes_on}the bot no longer follows it."
    )
    next_step = f"Next: `{prefix} status {ended.run.id}` shows its progress."
    return Reply.of(Stage.FAILED, text, next_step, run=ended.run)


def status(run: AgentRun, *, seconds: float | None, prefix: str) -> Reply:
    """The reply to ``status``. It is not about a run for its marker: viewing one does not make it the thread's latest.

    :param seconds: since its creation; None if upstream does not give the time
    """
    since = f", started {duration(seconds)} ago" if seconds is not None else ""
    head = f"{run_link(run, capital=True)}: {_state_word(run)}{since}{with_pull_requests(run)}."
    return Reply.of(
        Stage.FINISHED,
        head + _facts(run),
        agent_text(run) if run.finished else "",
        follow_up(run, prefix) if run.finished else "",
    )


def answered(ended: Ended, *, done: str, hint: str, prompt: str, prefix: str) -> Reply:
    """The answer of a run that was to explain something, or the outcome of one that failed.

    :param done: what it did, as the beginning of a sentence
    :param hint: what a follow-up is for
    :param prompt: the follow-up
    """
    run = ended.run
    if not run.succeeded:
        return outcome(ended, prefix=prefix)
    return Reply.of(
        Stage.FINISHED,
        f"{done} in {duration(ended.seconds)}: {run_link(run)}.{_facts(run)}",
        answer_of(run),
        f"{hint}: `{prefix} resume {run.id} {prompt}`",
        run=run,
    )


def answer_of(run: AgentRun) -> str:
    """The agent's answer, unfolded: the run's result, or its summary if there is none."""
    text = inert(run.result or run.summary or "")
    return cut(text, ANSWER_LIMIT, more=_MORE) or "The agent left no answer."


def follow_up(run: AgentRun, prefix: str) -> str:
    if _ends_with_job(run):
        return f"A follow-up: `{prefix} run <what to do next>`"
    return f"A follow-up: `{prefix} resume {run.id} <what to do next>`"


def _ends_with_job(run: AgentRun) -> bool:
    """Whether an agent did it in a workflow's job: only there a run of one's own agents has no page."""
    return run.is_of_own_agent and not run.web_url


def _state_word(run: AgentRun) -> str:
    if not run.finished:
        return {State.QUEUED: "waiting to start", State.PAUSED: "paused"}.get(run.state, "working")
    return "finished" if run.succeeded else failure_word(run).removeprefix("was ")


def failure_word(run: AgentRun) -> str:
    """How a run failed."""
    return _ENDINGS.get(run.state, _ENDINGS[State.FAILED])[0]


def agent_text(run: AgentRun) -> str:
    """The agent's own text: the summary unfolded, the result folded if it is long or there is a summary before it."""
    summary, result = inert(run.summary or ""), inert(run.result or "")
    if result == summary:
        result = ""
    if result and (summary or len(result) > UNFOLDED_LIMIT):
        result = folded("The agent's result", cut(result, RESULT_LIMIT, more=_MORE))
    return paragraphs(cut(summary, UNFOLDED_LIMIT), result)


def _facts(run: AgentRun) -> str:
    """What the run has changed and used, as one more sentence; empty if that is not known."""
    facts = facts_of(run)
    return f" {facts}" if facts else ""
