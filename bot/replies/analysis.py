"""Replies to ``analyze-logs``, in which the agent's answer is the main part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.codegen.models import AgentRun
from bot.errors import UpstreamError
from bot.replies import failures, runs
from bot.replies.markers import Stage
from bot.replies.phrases import duration, run_link
from bot.replies.reply import Reply
from bot.replies.untrusted import cut, fenced, folded, inert, inline_code

ANSWER_LIMIT = 16_000
"""Characters of an agent's answer that are shown unfolded; with `EXCERPTS_LIMIT` they fit into a comment."""

EXCERPTS_LIMIT = 44_000
"""Characters of all excerpts after escaping. They were selected to be shorter; escaping slashes may make them grow."""

NAME_LIMIT = 120
MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCheck:
    """A failed check, and what is known about the cause.

    :param conclusion: GitHub's word
    :param excerpt: from its log or, if it has none, from its title and summary; redacted, otherwise untrusted
    :param problem: why there is no log, in our own words; usually empty
    """

    name: str
    conclusion: str
    url: str | None
    excerpt: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The state of a commit's checks.

    :param failed: those that are analyzed
    :param more: the names of others that failed
    :param running: the names of those that have not ended
    :param passed: the number of the remaining checks
    """

    sha: str
    failed: tuple[FailedCheck, ...] = ()
    more: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    passed: int = 0


def sandbox_takes_write() -> str:
    return (
        "Nothing tells which repository a sandbox belongs to, so explaining one takes `write` access here, whatever "
        "`analyze-logs` takes by the config file.\n\n"
        "Next: without a number, `analyze-logs` explains the failed checks of this pull request."
    )


def only_on_pull_requests(*, prefix: str) -> str:
    return (
        "`analyze-logs` without a number explains the failed checks of a pull request, and this is an issue.\n\n"
        f"Next: say it on the pull request, or name a sandbox of Codegen's: `{prefix} analyze-logs 123`"
    )


def accepted_sandbox(sandbox_id: int) -> Reply:
    text = f"Accepted. Asking Codegen to analyse the set-up logs of sandbox {sandbox_id}…"
    return Reply(stage=Stage.ACCEPTED, text=text)


def accepted_checks(*, slot_in: float) -> Reply:
    """:param slot_in: seconds until Codegen's rate limit allows the next run to start"""
    wait = ""
    if slot_in >= 1:
        wait = f" Codegen starts at most 10 agent runs a minute, so its agent starts in about {duration(slot_in)}."
    return Reply(stage=Stage.ACCEPTED, text=f"Accepted. Reading what the failed checks left behind…{wait}")


def sandbox_analysed(run: AgentRun, sandbox_id: int, *, seconds: float, prefix: str, problem: str = "") -> Reply:
    """The analysis, or the outcome of a run that made none."""
    if not run.succeeded:
        return runs.outcome(run, seconds=seconds, prefix=prefix, problem=problem)
    parts = (
        f"Analysed the set-up logs of sandbox {sandbox_id} in {duration(seconds)}: {run_link(run)}.",
        answer_of(run),
        f"To have it fixed: `{prefix} resume {run.id} do what you propose`",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(parts), runs=(run.id,))


def sandbox_not_in_public(sandbox_id: int) -> str:
    return (
        "Nothing tells which repository a sandbox belongs to, and anybody can read this one, so no sandbox is "
        "explained here.\n\n"
        f"Next: `codegen-bot analyze-logs {sandbox_id}` on the command line, or the same command in a private "
        "repository."
    )


def none_failed(findings: Findings, *, prefix: str) -> Reply:
    """No failed check to explain, or not yet."""
    head = f"No check has failed on the head of this pull request ({_commit(findings.sha)})"
    if not findings.running and not findings.passed:
        return Reply(stage=Stage.FINISHED, text=f"{head}: it has no checks.")
    head += f". Ended: {findings.passed} of {findings.passed + len(findings.running)}."
    if not findings.running:
        return Reply(stage=Stage.FINISHED, text=head)
    text = (
        f"{head} Still running: {_names(findings.running)}.\n\n"
        f"Next: if one of them fails, say `{prefix} analyze-logs` again."
    )
    return Reply(stage=Stage.FINISHED, text=text)


def nothing_to_read(findings: Findings) -> Reply:
    """Checks failed, but there is nothing to analyze."""
    text = (
        f"{_head(findings)}, but nothing is left to read of why.\n\n{_list(findings)}\n\n"
        "Next: run them again, and then give the command again in a new comment."
    )
    return Reply(stage=Stage.FAILED, text=text)


def asked(run: AgentRun, findings: Findings) -> Reply:
    text = f"{_head(findings)}; an agent looks into it in {run_link(run)}.\n\n{_list(findings)}"
    return Reply(stage=Stage.STARTED, text=text, runs=(run.id,))


def inspection(run: AgentRun, findings: Findings, *, seconds: float) -> Reply:
    """:param seconds: how long the run has been working"""
    text = f"{_head(findings)}; an agent looks into it for {duration(seconds)}: {run_link(run)}.\n\n{_list(findings)}"
    return Reply(stage=Stage.WORKING, text=text, runs=(run.id,))


def checks_explained(run: AgentRun, findings: Findings, *, seconds: float, prefix: str, problem: str = "") -> Reply:
    """The checks, the agent's answer or the run's outcome, and the excerpts."""
    if not run.succeeded:
        ending = runs.outcome(run, seconds=seconds, prefix=prefix, problem=problem)
        return replace(ending, text=_with_what_was_read(cut(ending.text, ANSWER_LIMIT), findings))
    parts = (
        f"{_head(findings)}. An agent looked into it in {duration(seconds)}: {run_link(run)}.",
        _list(findings),
        answer_of(run),
        f"To have it fixed: `{prefix} resume {run.id} do what you propose`",
        _excerpts(findings),
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part), runs=(run.id,))


def not_asked(findings: Findings, error: UpstreamError) -> Reply:
    """The agent could not be started; the checks are shown all the same."""
    refusal = failures.upstream(error)
    return replace(refusal, text=_with_what_was_read(refusal.text, findings))


def _with_what_was_read(text: str, findings: Findings) -> str:
    parts = (text, f"{_head(findings)}:", _list(findings), _excerpts(findings))
    return "\n\n".join(part for part in parts if part)


def answer_of(run: AgentRun) -> str:
    """The agent's answer, unfolded: the run's result, or its summary if there is none."""
    words = inert(run.result or run.summary or "")
    return cut(words, ANSWER_LIMIT, more="\n\n… the run's page has the rest.") or "The agent left no answer."


def _head(findings: Findings) -> str:
    count = len(findings.failed) + len(findings.more)
    return f"{count} check{' has' if count == 1 else 's have'} failed on {_commit(findings.sha)}"


def _list(findings: Findings) -> str:
    lines = [
        f"- {_link(check)}: {inline_code(check.conclusion)}{f' ({check.problem})' if check.problem else ''}"
        for check in findings.failed
    ]
    if findings.more:
        lines.append(f"- not looked into: {_names(findings.more)}")
    if findings.running:
        lines.append(f"- still running: {_names(findings.running)}")
    return "\n".join(lines)


def _excerpts(findings: Findings) -> str:
    shown = [check for check in findings.failed if check.excerpt]
    limit = EXCERPTS_LIMIT // max(len(shown), 1)
    blocks = [cut(f"{_name(check.name)}\n\n{fenced(check.excerpt, 'text')}", limit) for check in shown]
    return folded("What the logs say", "\n\n".join(blocks)) if blocks else ""


def _link(check: FailedCheck) -> str:
    name = _name(check.name)
    return f"[{name}]({check.url})" if check.url and _PLAIN_URL.fullmatch(check.url) else name


_PLAIN_URL = re.compile(r"https?://[\w.:-]+(?:/[\w.~%/?=&#+-]*)?", re.ASCII)


def _name(name: str) -> str:
    return inline_code(name if len(name) <= NAME_LIMIT else f"{name[:NAME_LIMIT]}…") or "`(no name)`"


def _names(names: Sequence[str]) -> str:
    more = f" … and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(_name(name) for name in names[:MOST_NAMED]) + more


def _commit(sha: str) -> str:
    return inline_code(sha[:7])
