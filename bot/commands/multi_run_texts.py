"""Replies to a multi-run: a table of the attempts, kept up to date, then the outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.codegen.models import AgentRun, State
from bot.execution.phrases import (
    cost_of,
    count,
    dollars,
    duration,
    one_word,
    paragraphs,
    pull_request_links,
    run_link,
    size_of,
    table,
    whole_sentence,
    with_pull_requests,
)
from bot.execution.reply import Reason, Reply
from bot.execution.run_texts import Ended, agent_text, failure_word, follow_up
from bot.text.markers import Stage
from bot.text.untrusted import cut, folded, inert, inert_words, inline_code

CANDIDATES_LIMIT = 30_000
"""Characters of all candidates' texts together, folded below the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt as the table shows it.

    :param number: from 1
    :param run: None before it has started
    :param seconds: since it was started
    :param problem: why it could not start, or cannot be followed
    :param step: what its agent did last, as harmless Markdown; only while it works
    :param checks: the state of its pull request's checks, in words; empty if it is not known
    """

    number: int
    model: str | None = None
    agent_type: str | None = None
    run: AgentRun | None = None
    seconds: float = 0.0
    problem: str = ""
    step: str = ""
    checks: str = ""

    @property
    def succeeded(self) -> bool:
        return self.run is not None and self.run.succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """A multi-run as data, for scripts; part of every reply to one.

    :param summary: its state, in a sentence or two of Markdown
    """

    summary: str = ""
    attempts: tuple[Attempt, ...] = ()
    synthesis: AgentRun | None = None


def accepted(attempts: Sequence[Attempt], *, slot_in: float = 0.0, waits: bool = True) -> Reply:
    """:param slot_in: seconds until Codegen's rate limit allows the next attempt to start
    :param waits: whether the command waits for the attempts, and combines their results
    """
    started, total = sum(attempt.run is not None for attempt in attempts), count(len(attempts), "attempt")
    text = f"Accepted. Starting {total}; their best results are then combined."
    if not waits:
        text = f"Accepted. Starting {total}. The command does not wait for them, so their results are not combined."
    if slot_in >= 1:
        text = (
            f"{started} of {total} started. Codegen starts at most 10 agent runs a minute: the next one starts in "
            f"about {duration(slot_in)}."
        )
    return _reply(Stage.STARTED if started else Stage.ACCEPTED, attempts, text, _table(attempts) if started else "")


def working(attempts: Sequence[Attempt]) -> Reply:
    states = Counter(_state(attempt) for attempt in attempts)
    head = ", ".join(f"{number} {state}" for state, number in states.items())
    shown = _table(attempts, is_live=True)
    return _reply(Stage.WORKING, attempts, f"{count(len(attempts), 'attempt')}: {head}.", shown)


def synthesizing(attempts: Sequence[Attempt], synthesis: AgentRun, *, step: str = "") -> Reply:
    """:param step: what the synthesis did last, as harmless Markdown"""
    text = f"The attempts have ended; an agent is combining the best of them in {run_link(synthesis)}."
    head = f"{text} Last step: {step}." if step else text
    return _reply(Stage.WORKING, attempts, head, _table(attempts, synthesis), synthesis=synthesis)


def outcome(attempts: Sequence[Attempt], ended: Ended, *, prefix: str) -> Reply:
    """The final reply if there was a synthesis, however it ended.

    :param ended: the synthesis, with the seconds that all took
    """
    run, good = ended.run, sum(attempt.succeeded for attempt in attempts)
    if run.succeeded:
        head = (
            f"Finished in {duration(ended.seconds)}: {run_link(run)} combined {good} of "
            f"{count(len(attempts), 'attempt')}{with_pull_requests(run)}."
        )
    else:
        if run.finished:
            how = failure_word(run)
        elif ended.problem:
            how = f"was still running when last checked; its current state is unknown: {ended.problem}"
        else:
            how = "is still running, and the bot no longer follows it"
        head = whole_sentence(
            f"{count(good, 'attempt')} of {len(attempts)} succeeded, but the synthesis in {run_link(run)} {how}"
        )
    return _reply(
        Stage.FINISHED if run.succeeded else Stage.FAILED,
        attempts,
        head,
        agent_text(run) if run.finished else "",
        *_choices(attempts, prefix, run),
        "" if run.succeeded else _choose(prefix),
        synthesis=run,
    )


def synthesis_not_started(attempts: Sequence[Attempt], problem: str, *, prefix: str) -> Reply:
    """:param problem: in our own words"""
    head = f"The attempts have ended, but the synthesis could not be started. {problem}"
    return _reply(Stage.FAILED, attempts, head, *_choices(attempts, prefix), _choose(prefix))


def one_succeeded(attempts: Sequence[Attempt], best: Attempt, *, seconds: float, prefix: str) -> Reply:
    assert best.run is not None  # noqa: S101 - it succeeded
    if len(attempts) == 1:
        head = f"Finished in {duration(seconds)}: {run_link(best.run)}; there was nothing to combine."
    else:
        did = "is known to have succeeded" if _unfinished(attempts) else "succeeded"
        head = (
            f"Finished in {duration(seconds)}: only attempt {best.number} of {len(attempts)} {did} "
            f"({run_link(best.run)}), so there was nothing to combine."
        )
    table_and_reasons = (_table(attempts), _reasons(attempts))
    return _reply(Stage.FINISHED, attempts, head, agent_text(best.run), *table_and_reasons, follow_up(best.run, prefix))


def none_succeeded(attempts: Sequence[Attempt], *, prefix: str) -> Reply:
    total, unfinished = len(attempts), _unfinished(attempts)
    if unfinished:
        head = (
            f"None of the {total} attempts is known to have succeeded; {unfinished} had not ended when last checked."
            if total > 1
            else "The one attempt had not ended when last checked."
        )
        next_step = (
            f"`{prefix} status <run>` shows the state of one; `{prefix} resume <run> <what to do>` continues it."
        )
    else:
        head = f"None of the {total} attempts succeeded." if total > 1 else "The one attempt did not succeed."
        next_step = f"look at the reasons, then give one a hint with `{prefix} resume <run> <a hint>`, or ask for less."
    return _reply(Stage.FAILED, attempts, head, _table(attempts), _reasons(attempts), f"Next: {next_step}")


def _unfinished(attempts: Sequence[Attempt]) -> int:
    return sum(attempt.run is not None and not attempt.run.finished for attempt in attempts)


def left(attempts: Sequence[Attempt], *, prefix: str) -> Reply:
    """The command does not wait for the attempts."""
    head = (
        f"Started {count(sum(attempt.run is not None for attempt in attempts), 'attempt')}. The command does not wait "
        f"for them, so their results are not combined; `{prefix} status <run>` shows the progress of one."
    )
    return replace(_reply(Stage.FINISHED, attempts, head, _table(attempts)), reason=Reason.STARTED)


def none_started(attempts: Sequence[Attempt], *, reason: Reason) -> Reply:
    """:param reason: why the last of them could not be started"""
    reply = _reply(
        Stage.FAILED,
        attempts,
        "No attempt could be started.",
        _reasons(attempts),
        "Next: fix the causes named above, or wait a few minutes; then give the command again in a new comment.",
    )
    return replace(reply, reason=reason)


def _reply(
    stage: Stage, attempts: Sequence[Attempt], head: str, *parts: str, synthesis: AgentRun | None = None
) -> Reply:
    runs = [attempt.run.id for attempt in attempts if attempt.run is not None]
    data = Attempts(summary=head, attempts=tuple(attempts), synthesis=synthesis)
    return Reply(stage, paragraphs(head, *parts), runs=(*runs, *([synthesis.id] if synthesis else [])), data=data)


def _table(attempts: Sequence[Attempt], synthesis: AgentRun | None = None, *, is_live: bool = False) -> str:
    """The attempts, and what they cost together with the synthesis. Of Codegen's, less is known.

    :param is_live: whether some may be working: a last step stays true longer than a duration
    """
    if not any(attempt.run and attempt.run.is_of_own_agent for attempt in attempts):
        return _short_table(attempts, is_live=is_live)
    rows = [_row(attempt, is_live=is_live) for attempt in attempts]
    time = "last step or time" if is_live else "time"
    columns = ("attempt", "agent", "model", "status", time, "cost", "changes", "checks", "pull request", "run")
    return paragraphs(table(columns, rows), _total(attempts, synthesis))


def _row(attempt: Attempt, *, is_live: bool) -> tuple[str, ...]:
    run = attempt.run
    agent, model = (run.agent_type, run.model) if run else (attempt.agent_type, attempt.model)
    return (
        str(attempt.number),
        one_word(agent or ""),
        one_word(model or ""),
        _state(attempt),
        _step_or_time(attempt, is_live=is_live),
        cost_of(run.usage) if run else "",
        size_of(run.changes) if run else "",
        attempt.checks,
        pull_request_links(run.github_pull_requests) if run else "",
        run_link(run) if run else "",
    )


def _step_or_time(attempt: Attempt, *, is_live: bool) -> str:
    if is_live and _is_working(attempt):
        return attempt.step
    return duration(attempt.seconds) if attempt.seconds else ""


def _total(attempts: Sequence[Attempt], synthesis: AgentRun | None) -> str:
    runs = [*(attempt.run for attempt in attempts), synthesis]
    used = [run.usage for run in runs if run is not None and run.usage is not None and run.usage.cost is not None]
    if not used:
        return ""
    about = "about " if any(each.is_estimated for each in used) else ""
    who = "The attempts" if synthesis is None else "The attempts and the synthesis"
    return f"{who} used {about}{dollars(sum(each.cost or 0.0 for each in used))} together."


def _short_table(attempts: Sequence[Attempt], *, is_live: bool) -> str:
    rows = [
        (
            _name(attempt),
            _state(attempt),
            _step_or_time(attempt, is_live=is_live),
            pull_request_links(attempt.run.github_pull_requests) if attempt.run else "",
            run_link(attempt.run) if attempt.run else "",
        )
        for attempt in attempts
    ]
    return table(("attempt", "status", "last step or time" if is_live else "time", "pull request", "run"), rows)


def _is_working(attempt: Attempt) -> bool:
    return attempt.run is not None and not attempt.run.finished and not attempt.problem


def _name(attempt: Attempt) -> str:
    special = [inline_code(word) for word in (attempt.model, attempt.agent_type) if word]
    return f"{attempt.number} ({', '.join(special)})" if special else str(attempt.number)


def _state(attempt: Attempt) -> str:
    if attempt.run is None:
        return "not started" if attempt.problem else "waiting"
    if attempt.problem:
        return "unknown"
    if not attempt.run.finished:
        return "paused" if attempt.run.state is State.PAUSED else "working"
    return "succeeded" if attempt.run.succeeded else failure_word(attempt.run)


def _reasons(attempts: Sequence[Attempt]) -> str:
    """Why each unsuccessful attempt failed; attempts with the same reason share a line."""
    by_reason: dict[str, list[str]] = {}
    for attempt in attempts:
        if not attempt.succeeded:
            by_reason.setdefault(_reason(attempt), []).append(str(attempt.number))
    return "\n".join(
        f"- Attempt{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: {reason}"
        for reason, numbers in by_reason.items()
    )


def _reason(attempt: Attempt) -> str:
    if attempt.problem:
        return attempt.problem
    if attempt.run is None or not attempt.run.finished:
        return "It is still running, and the bot no longer follows it."
    own = inert_words(attempt.run.result or attempt.run.summary or "", 300)
    return own or f"It {failure_word(attempt.run)} and left no message."


def _choices(attempts: Sequence[Attempt], prefix: str, synthesis: AgentRun | None = None) -> tuple[str, str, str]:
    """The table, what each candidate says, and how to keep one of them."""
    folds = []
    candidates = [(attempt.number, attempt.run) for attempt in attempts if attempt.run and attempt.run.succeeded]
    for number, run in candidates:
        text = inert(paragraphs(run.summary or "", run.result or "")) or "It left no message."
        folds.append(folded(f"Attempt {number}", cut(text, CANDIDATES_LIMIT // len(candidates))))
    have_pull_requests = any(attempt.run and attempt.run.github_pull_requests for attempt in attempts)
    keep = (
        f"Keep the synthesis: `{prefix} keep synthesis`. Keep one attempt: `{prefix} keep <attempt>`. The others' pull "
        "requests are closed."
    )
    return _table(attempts, synthesis), "\n\n".join(folds), keep if have_pull_requests else ""


def _choose(prefix: str) -> str:
    """What to do if there is no synthesis."""
    return f"Next: choose one of the attempts; `{prefix} resume <run> <what to do next>` continues it."
