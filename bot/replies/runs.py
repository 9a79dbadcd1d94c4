"""Replies about an agent run, from its acceptance to its end."""

from __future__ import annotations

from bot.codegen.models import AgentRun, State
from bot.replies.markers import Stage
from bot.replies.phrases import duration, one_word, pull_request_links, run_link
from bot.replies.reason import Reason
from bot.replies.reply import Reply
from bot.replies.untrusted import cut, folded, inert

SHOWN_OPENLY = 1_500
"""Characters of a summary or result that are shown unfolded; longer ones are folded."""

KEPT = 40_000
"""Characters of a result that are kept at all: the run's page has the rest."""


def accepted_run(*, place: str | None, slot_in: float = 0.0) -> Reply:
    """:param place: the kind of its thread; None if there is none
    :param slot_in: seconds until Codegen's rate limit allows the run to start
    """
    text = f"Accepted. Starting an agent run{f' for this {place}' if place else ''}…"
    if slot_in >= 1:
        text = (
            f"Accepted. Codegen starts at most 10 agent runs a minute, so this one starts in about "
            f"{duration(slot_in)}; nothing to do until then."
        )
    return Reply(stage=Stage.ACCEPTED, text=text)


def accepted_resume(run_id: int) -> Reply:
    """Names no run for later commands: it is not known yet whether this one may be resumed here."""
    return Reply(stage=Stage.ACCEPTED, text=f"Accepted. Handing the follow-up to run {run_id}…")


def started(run: AgentRun) -> Reply:
    return Reply(
        stage=Stage.STARTED,
        text=f"Started: an agent is on it in {run_link(run)}.\n\nThis comment is kept up to date.",
        runs=(run.id,),
    )


def resumed(run: AgentRun) -> Reply:
    return Reply(
        stage=Stage.STARTED,
        text=f"Resumed: {run_link(run)} has the follow-up.\n\nThis comment is kept up to date.",
        runs=(run.id,),
    )


def left(run: AgentRun, *, prefix: str) -> Reply:
    """The command does not wait for the run."""
    text = f"Started: an agent is on it in {run_link(run)}.\n\n`{prefix} status {run.id}` shows how far it is."
    return Reply(stage=Stage.FINISHED, text=text, runs=(run.id,), reason=Reason.STARTED)


def working(run: AgentRun, *, seconds: float) -> Reply:
    """:param seconds: how long the run has been working"""
    doing = "Waiting for an agent" if run.state is State.QUEUED else "Working"
    text = f"{doing} for {duration(seconds)}: {run_link(run)}.{_status(run, ' Codegen calls it {}.')}"
    if links := pull_request_links(run.github_pull_requests):
        text += f"\n\nPull requests so far: {links}."
    return Reply(stage=Stage.WORKING, text=text, runs=(run.id,))


def outcome(run: AgentRun, *, seconds: float, prefix: str, problem: str = "") -> Reply:
    """The final reply about a run: it succeeded, it failed, or the bot stopped waiting.

    :param seconds: since it was started
    :param problem: why its state is not known
    """
    if not run.finished:
        return _stopped_looking(run, seconds, prefix, problem)
    return _succeeded(run, seconds, prefix) if run.succeeded else _failed(run, seconds, prefix)


def _succeeded(run: AgentRun, seconds: float, prefix: str) -> Reply:
    links = pull_request_links(run.github_pull_requests)
    did = f", with {links}" if links else ""
    return Reply(
        stage=Stage.FINISHED,
        text="\n\n".join(
            part
            for part in (
                f"Finished in {duration(seconds)}: {run_link(run)}{did}.",
                said(run),
                f"A follow-up: `{prefix} resume {run.id} <what to do next>`",
            )
            if part
        ),
        runs=(run.id,),
    )


def _failed(run: AgentRun, seconds: float, prefix: str) -> Reply:
    happened, next_step = _ENDINGS.get(run.state, _ENDINGS[State.FAILED])
    parts = (
        f"{run_link(run, capital=True)} {happened} after {duration(seconds)}{_status(run, ' (Codegen calls it {})')}.",
        said(run),
        f"Pull requests it left: {links}." if (links := pull_request_links(run.github_pull_requests)) else "",
        f"Next: {next_step.format(prefix=prefix, run=run.id)}",
    )
    return Reply(stage=Stage.FAILED, text="\n\n".join(part for part in parts if part), runs=(run.id,))


_ENDINGS: dict[State, tuple[str, str]] = {
    State.FAILED: (
        "failed",
        "its page shows where; then `{prefix} resume {run} <a hint>` goes on from there.",
    ),
    State.CANCELLED: (
        "was stopped",
        "`{prefix} resume {run} <what to do>` goes on from there, if that was not meant.",
    ),
    State.TIMED_OUT: (
        "ran out of time",
        "`{prefix} resume {run} go on` gives it more, or ask for a smaller piece with `{prefix} run`.",
    ),
    State.OUT_OF_TOKENS: (
        "ran out of tokens",
        "ask for a smaller piece with `{prefix} run`, or raise the limit in Codegen's settings.",
    ),
    State.MAX_ITERATIONS: (
        "used up its iterations",
        "`{prefix} resume {run} go on` gives it more, or ask for a smaller piece with `{prefix} run`.",
    ),
}


def _stopped_looking(run: AgentRun, seconds: float, prefix: str, problem: str) -> Reply:
    """The run exceeded the bot's timeout; it may still finish."""
    link = run_link(run, capital=True)
    head = (
        f"{link} was working when it was last seen. How it is after {duration(seconds)} is not known, and it is "
        f"followed no longer here: {problem}"
        if problem
        else f"{link} is still working after {duration(seconds)}; it is followed no longer here, and goes on."
    )
    text = f"{head}\n\nNext: `{prefix} status {run.id}` shows how far it is."
    return Reply(stage=Stage.FAILED, text=text, runs=(run.id,))


def status(run: AgentRun, *, seconds: float | None, prefix: str) -> Reply:
    """The reply to ``status``.

    :param seconds: since its creation; None if upstream does not give the time
    """
    since = f", started {duration(seconds)} ago" if seconds is not None else ""
    links = pull_request_links(run.github_pull_requests)
    head = f"{run_link(run, capital=True)}: {_state_word(run)}{since}{f', with {links}' if links else ''}."
    head += _status(run, " Codegen calls it {}.")
    follow_up = f"A follow-up: `{prefix} resume {run.id} <what to do next>`" if run.finished else ""
    words = said(run) if run.finished else ""
    text = "\n\n".join(part for part in (head, words, follow_up) if part)
    # No run in the marker: viewing one does not make it the thread's latest.
    return Reply(stage=Stage.FINISHED, text=text)


def _state_word(run: AgentRun) -> str:
    if not run.finished:
        return "waiting to start" if run.state is State.QUEUED else "working"
    return "finished" if run.succeeded else ending_word(run)


def ending_word(run: AgentRun) -> str:
    """How a run failed."""
    return _ENDINGS.get(run.state, _ENDINGS[State.FAILED])[0]


def said(run: AgentRun) -> str:
    """The agent's own text: the summary unfolded, the result folded if it is long or there is a summary before it."""
    summary = inert(run.summary or "")
    result = inert(run.result or "")
    if result == summary:
        result = ""
    shown = []
    if summary:
        shown.append(cut(summary, SHOWN_OPENLY) if len(summary) > SHOWN_OPENLY else summary)
    if result and not summary and len(result) <= SHOWN_OPENLY:
        shown.append(result)
    elif result:
        shown.append(folded("The agent's result", cut(result, KEPT, more="\n\n… the run's page has the rest.")))
    return "\n\n".join(shown)


def _status(run: AgentRun, form: str) -> str:
    """Codegen's own word for a run's state, in a sentence; empty if there is none."""
    word = one_word(run.status or "", 40)
    return form.format(word) if word else ""
