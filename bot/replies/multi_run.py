"""Replies to a multi-run: a table of the attempts, kept up to date, then the outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.phrases import cell, duration, pull_request_links, run_link
from bot.replies.reason import Reason
from bot.replies.reply import Reply
from bot.replies.runs import ending_word, said
from bot.replies.untrusted import cut, folded, inert, inert_words, inline_code

CANDIDATES_SHOWN = 30_000
"""Characters of all candidates' texts together, folded below the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt as the table shows it.

    :param number: from 1
    :param run: None before it has started
    :param seconds: since it was started
    :param problem: why it could not start, or cannot be followed
    """

    number: int
    model: str | None = None
    agent_type: str | None = None
    run: AgentRun | None = None
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """A multi-run as data, for scripts; part of every reply to one."""

    attempts: tuple[Attempt, ...] = ()
    synthesis: AgentRun | None = None


def asks_confirmation(count: int, *, login: str, prefix: str) -> Reply:
    text = (
        f"{count} attempts are many here, so they need a confirmation by {inline_code(login)}: a thumbs-up on this "
        f"comment, or `{prefix} confirm`. After an hour it is too late."
    )
    return Reply(stage=Stage.ACCEPTED, text=text, waits_for=login)


def not_confirmed(count: int) -> Reply:
    text = (
        f"Nobody confirmed the {count} attempts within an hour, so none was started.\n\nNext: give the command again."
    )
    return Reply(stage=Stage.REFUSED, text=text, reason=Reason.NOT_CONFIRMED)


def nothing_waits(login: str) -> str:
    return f"Nothing of {inline_code(login)} waits here for a confirmation: only who asked can give it, within an hour."


def confirmed(identities: Sequence[str]) -> Reply:
    """:param identities: of the confirmed invocations; an entry point without a database reads them from the marker"""
    text = "Confirmed; its own comment shows how it goes on."
    return Reply(stage=Stage.FINISHED, text=text, confirms=tuple(identities))


def accepted(attempts: Sequence[Attempt], *, slot_in: float = 0.0) -> Reply:
    """:param slot_in: seconds until Codegen's rate limit allows the next attempt to start"""
    begun = sum(attempt.run is not None for attempt in attempts)
    text = f"Accepted. Starting {_count(len(attempts), 'attempt')}; the best of them is then put together."
    if slot_in >= 1:
        text = (
            f"{begun} of {_count(len(attempts), 'attempt')} begun. Codegen starts at most 10 agent runs a minute: the "
            f"next one starts in about {duration(slot_in)}."
        )
    return _reply(Stage.STARTED if begun else Stage.ACCEPTED, attempts, text, _table(attempts) if begun else "")


def working(attempts: Sequence[Attempt]) -> Reply:
    words = Counter(_state(attempt) for attempt in attempts)
    head = ", ".join(f"{count} {word}" for word, count in words.items())
    return _reply(Stage.WORKING, attempts, f"{_count(len(attempts), 'attempt')}: {head}.", _table(attempts))


def synthesising(attempts: Sequence[Attempt], synthesis: AgentRun) -> Reply:
    text = f"The attempts have ended; an agent makes the best of them in {run_link(synthesis)}."
    return _reply(Stage.WORKING, attempts, text, _table(attempts), also=synthesis)


def outcome(
    attempts: Sequence[Attempt], synthesis: AgentRun, *, seconds: float, prefix: str, problem: str = ""
) -> Reply:
    """The final reply if there was a synthesis, however it ended.

    :param problem: why the state of the synthesis is not known
    """
    good = sum(attempt.run is not None and attempt.run.succeeded for attempt in attempts)
    links = pull_request_links(synthesis.github_pull_requests)
    if synthesis.succeeded:
        stage = Stage.FINISHED
        head = (
            f"Finished in {duration(seconds)}: {run_link(synthesis)} made the best of {good} of "
            f"{_count(len(attempts), 'attempt')}{f', with {links}' if links else ''}."
        )
        words = said(synthesis)
    else:
        stage = Stage.FAILED
        at_it = (
            f"was at it when it was last seen; how it is now is not known: {problem.rstrip('.')}"
            if problem
            else "is still at it, and is followed no longer"
        )
        ended = ending_word(synthesis) if synthesis.finished else at_it
        tried = f"{_count(good, 'attempt')} of {len(attempts)} succeeded"
        head = f"{tried}, but the synthesis in {run_link(synthesis)} {ended}."
        words = said(synthesis) if synthesis.finished else ""
    then = "" if synthesis.succeeded else _choose(prefix)
    shown = (_table(attempts), _candidates(attempts), _next(attempts, prefix), then)
    return _reply(stage, attempts, head, words, *shown, also=synthesis)


def synthesis_not_started(attempts: Sequence[Attempt], reason: str, *, prefix: str) -> Reply:
    """:param reason: in our own words"""
    head = f"The attempts have ended, but the synthesis could not be started. {reason}"
    shown = (_table(attempts), _candidates(attempts), _next(attempts, prefix), _choose(prefix))
    return _reply(Stage.FAILED, attempts, head, *shown)


def one_succeeded(attempts: Sequence[Attempt], best: Attempt, *, seconds: float, prefix: str) -> Reply:
    assert best.run is not None  # noqa: S101 - it succeeded
    if len(attempts) == 1:
        head = f"Finished in {duration(seconds)}: {run_link(best.run)}; there was nothing to put together."
    else:
        did = "is known to have succeeded" if _unfinished(attempts) else "succeeded"
        head = (
            f"Finished in {duration(seconds)}: only attempt {best.number} of {len(attempts)} {did} "
            f"({run_link(best.run)}), so there was nothing to put together."
        )
    return _reply(
        Stage.FINISHED,
        attempts,
        head,
        said(best.run),
        _table(attempts),
        _reasons(attempts),
        f"A follow-up: `{prefix} resume {best.run.id} <what to do next>`",
    )


def none_succeeded(attempts: Sequence[Attempt], *, prefix: str) -> Reply:
    head, next_step = (_none_known if _unfinished(attempts) else _none)(attempts, prefix)
    return _reply(Stage.FAILED, attempts, head, _table(attempts), _reasons(attempts), f"Next: {next_step}")


def _none(attempts: Sequence[Attempt], prefix: str) -> tuple[str, str]:
    """What happened, and what to do."""
    head = (
        f"None of the {len(attempts)} attempts succeeded." if len(attempts) > 1 else "The one attempt did not succeed."
    )
    hint = f"`{prefix} resume <run> <a hint>`"
    return head, f"look at the reasons, then give one a hint with {hint}, or ask for a smaller piece."


def _none_known(attempts: Sequence[Attempt], prefix: str) -> tuple[str, str]:
    """The same if some had not ended when they were last seen."""
    unfinished = len(_unfinished(attempts))
    head = (
        f"None of the {len(attempts)} attempts is known to have succeeded; {unfinished} had not ended when last seen."
        if len(attempts) > 1
        else "The one attempt had not ended when it was last seen."
    )
    return head, f"`{prefix} status <run>` shows how one is; `{prefix} resume <run> <what to do next>` goes on from it."


def _unfinished(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [attempt for attempt in attempts if attempt.run is not None and not attempt.run.finished]


def left(attempts: Sequence[Attempt], *, prefix: str) -> Reply:
    """The command does not wait for the attempts."""
    head = (
        f"Started {_count(sum(attempt.run is not None for attempt in attempts), 'attempt')}. The command does not wait "
        f"for them, so their results are not combined; `{prefix} status <run>` shows how far one is."
    )
    return replace(_reply(Stage.FINISHED, attempts, head, _table(attempts)), reason=Reason.STARTED)


def none_started(attempts: Sequence[Attempt], *, reason: Reason) -> Reply:
    """:param reason: why the last of them could not be started"""
    reply = _reply(
        Stage.FAILED,
        attempts,
        "No attempt could be started.",
        _reasons(attempts),
        "Next: fix what the reasons name, or wait a few minutes; then give the command again in a new comment.",
    )
    return replace(reply, reason=reason)


def _reply(stage: Stage, attempts: Sequence[Attempt], *parts: str, also: AgentRun | None = None) -> Reply:
    runs = [attempt.run.id for attempt in attempts if attempt.run is not None]
    text = "\n\n".join(part for part in parts if part)
    data = Attempts(attempts=tuple(attempts), synthesis=also)
    return Reply(stage=stage, text=text, runs=(*runs, *([also.id] if also else [])), data=data)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _table(attempts: Sequence[Attempt]) -> str:
    rows = [
        f"| {cell(_name(attempt))} | {_state(attempt)} | {duration(attempt.seconds) if attempt.seconds else ''} "
        f"| {cell(pull_request_links(attempt.run.github_pull_requests)) if attempt.run else ''} "
        f"| {run_link(attempt.run) if attempt.run else ''} |"
        for attempt in attempts
    ]
    return "\n".join(("| attempt | status | time | pull request | run |", "|---|---|---|---|---|", *rows))


def _name(attempt: Attempt) -> str:
    differs = [inline_code(word) for word in (attempt.model, attempt.agent_type) if word]
    return f"{attempt.number} ({', '.join(differs)})" if differs else str(attempt.number)


def _state(attempt: Attempt) -> str:
    if attempt.run is None:
        return "not started" if attempt.problem else "waiting"
    if attempt.problem:
        return "unknown"
    if not attempt.run.finished:
        return "working"
    return "succeeded" if attempt.run.succeeded else ending_word(attempt.run)


def _reasons(attempts: Sequence[Attempt]) -> str:
    """Why each unsuccessful attempt failed; attempts with the same reason share a line."""
    by_reason: dict[str, list[str]] = {}
    for attempt in attempts:
        if attempt.run is None or not attempt.run.succeeded:
            by_reason.setdefault(_reason(attempt), []).append(str(attempt.number))
    return "\n".join(
        f"- Attempt{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: {reason}"
        for reason, numbers in by_reason.items()
    )


def _reason(attempt: Attempt) -> str:
    if attempt.problem:
        return attempt.problem
    if attempt.run is None or not attempt.run.finished:
        return "It is still at work, and is followed no longer."
    own = inert_words(attempt.run.result or attempt.run.summary or "", 300)
    return own or f"It {ending_word(attempt.run)} and left no word."


def _candidates(attempts: Sequence[Attempt]) -> str:
    good = [attempt for attempt in attempts if attempt.run is not None and attempt.run.succeeded]
    room = CANDIDATES_SHOWN // max(1, len(good))
    folds = []
    for attempt in good:
        assert attempt.run is not None  # noqa: S101 - it succeeded
        words = "\n\n".join(part for part in (attempt.run.summary, attempt.run.result) if part)
        folds.append(folded(f"Attempt {attempt.number}", cut(inert(words) or "It left no word.", room)))
    return "\n\n".join(folds)


def _next(attempts: Sequence[Attempt], prefix: str) -> str:
    if not any(attempt.run is not None and attempt.run.github_pull_requests for attempt in attempts):
        return ""
    return (
        f"`{prefix} keep synthesis` closes the attempts' pull requests; `{prefix} keep <attempt>` all but that one's."
    )


def _choose(prefix: str) -> str:
    """What to do if there is no synthesis."""
    return f"Next: choose one of the attempts; `{prefix} resume <run> <what to do next>` goes on from it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A pull request that was to be closed; `problem` says why it could not be."""

    link: str
    problem: str = ""


def refused_closing(error: str | None) -> str:
    """:param error: Codegen's message"""
    return inert_words(error or "", 200) or "Codegen does not say why."


def keeping(name: str, run: AgentRun) -> Reply:
    return Reply(stage=Stage.ACCEPTED, text=f"Accepted. Keeping {_the(name)} and closing the others…", runs=(run.id,))


def kept(name: str, run: AgentRun, closings: Sequence[Closing]) -> Reply:
    """:param name: the attempt that is kept, in words"""
    links = pull_request_links(run.github_pull_requests)
    closed = [closing.link for closing in closings if not closing.problem]
    failed = [f"- {closing.link}: {closing.problem}" for closing in closings if closing.problem]
    parts = (
        f"Kept {_the(name)}, {run_link(run)}{f', with {links}' if links else ''}.",
        f"Closed: {', '.join(closed)}." if closed else "",
        "\n".join(("Could not be closed:", "", *failed)) if failed else "",
        "" if closings else "The other attempts have no pull requests.",
        "Next: close what is left on its own page." if failed else "",
    )
    return Reply(
        stage=Stage.FAILED if failed else Stage.FINISHED,
        text="\n\n".join(part for part in parts if part),
        runs=(run.id,),
    )


def _the(name: str) -> str:
    return f"the {name}" if name == "synthesis" else name


def nothing_to_keep(*, prefix: str) -> str:
    return (
        "No multi-run belongs to this conversation yet. "
        f"Start one with `{prefix} multi-run -n 3 <what to do>`; its reply shows the attempts to choose from."
    )


def no_such_attempt(name: str, numbers: Sequence[int]) -> str:
    """:param name: what was requested, in words"""
    known = ", ".join(map(str, numbers))
    return f"This thread's latest multi-run has no {name}; its attempts are {known}."
