"""Replies to commands on a run's pull request."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun, RunPullRequest
from bot.replies.markers import Stage
from bot.replies.phrases import label_not_changed, pull_request_links, run_link
from bot.replies.reply import Reply
from bot.replies.untrusted import cut, inert

_DONE = {
    "closed": ("Closed", "reopen"),
    "open": ("Opened", "close"),
    "draft": ("Made a draft of", "ready"),
    "ready_for_review": ("Marked as ready for review:", "draft"),
}
"""For each state the words for the change, and the command that undoes it."""


def banned(run: AgentRun, *, failed: Sequence[str], prefix: str) -> Reply:
    """:param failed: threads on which the label could not be set"""
    if not run.github_pull_requests:
        return _noted(run, "it will not react to the checks of one", prefix)
    return _done(
        run,
        f"Codegen reacts no longer to the checks of {_where(run)}; its agents there are stopped.",
        f"Undo: `{prefix} unban-checks {run.id}`",
        failed,
    )


def unbanned(run: AgentRun, *, failed: Sequence[str], prefix: str) -> Reply:
    return _done(
        run,
        f"Codegen reacts to the checks of {_where(run)} again. Agents that were stopped stay stopped.",
        f"To go on with the run: `{prefix} resume {run.id} <what to do>`",
        failed,
    )


def removed(run: AgentRun, *, failed: Sequence[str], prefix: str) -> Reply:
    if not run.github_pull_requests:
        return _noted(run, "it will stay off one", prefix)
    return _done(
        run,
        f"Codegen is off {_where(run)}: its agents there are stopped, and it reacts no longer to the checks. The pull "
        "request itself stays as it is.",
        f"Undo: `{prefix} unban-checks {run.id}`",
        failed,
    )


def _noted(run: AgentRun, what: str, prefix: str) -> Reply:
    """Codegen accepted it for a run without a pull request: that stops no agent."""
    text = f"Codegen took note: {run_link(run)} has no pull request yet, and {what}. A running agent goes on."
    return _done(run, text, f"Undo: `{prefix} unban-checks {run.id}`", ())


def _done(run: AgentRun, text: str, next_step: str, failed: Sequence[str]) -> Reply:
    label = label_not_changed(failed) if failed else ""
    parts = (text, label, next_step)
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part), runs=(run.id,))


def _where(run: AgentRun) -> str:
    links = pull_request_links(run.github_pull_requests)
    return f"{links} ({run_link(run)})" if links else f"the pull request of {run_link(run)}"


def edited(run: AgentRun, link: RunPullRequest, state: str, *, prefix: str) -> Reply:
    did, undo = _DONE[state]
    text = f"{did} {_name(link)} ({run_link(run)}).\n\nUndo: `{prefix} {undo} {run.id}`"
    return Reply(stage=Stage.FINISHED, text=text, runs=(run.id,))


def not_edited(run: AgentRun, link: RunPullRequest, error: str | None) -> Reply:
    """:param error: Codegen's message"""
    detail = cut(inert(error or ""), 500)
    parts = (
        f"Codegen did not change {_name(link)} ({run_link(run)}).",
        "\n".join(f"> {line}" for line in detail.splitlines()),
        "Next: change it on its own page, or fix what Codegen names and give the command again in a new comment.",
    )
    return Reply(stage=Stage.FAILED, text="\n\n".join(part for part in parts if part), runs=(run.id,))


def has_no_pull_request(run: AgentRun, *, prefix: str) -> str:
    doing = "It is still at work" if not run.finished else "It ended without one"
    return f"{run_link(run, capital=True)} has no pull request. {doing}; `{prefix} status {run.id}` shows how it is."


def has_several(run: AgentRun, links: Sequence[RunPullRequest], *, command: str) -> str:
    """:param links: those that may be named
    :param command: the command, with the run's id
    """
    return (
        f"{run_link(run, capital=True)} has several pull requests: {pull_request_links(links)}. "
        f"Give the command on the one that is meant: `{command}`"
    )


def how_to_stop(run: AgentRun, *, prefix: str) -> Reply:
    if run.finished:
        text = f"{run_link(run, capital=True)} has ended already; there is nothing to stop."
    elif run.github_pull_requests:
        text = (
            f"Codegen cannot cancel a run, but it stops all its agents on a pull request: "
            f"`{prefix} remove {run.id}` does so on {pull_request_links(run.github_pull_requests)}."
        )
    else:
        text = (
            f"Codegen's API cannot stop {run_link(run)}: it stops agents by their pull request only, and this run has "
            f"none yet. Its page may let you stop it; once it has a pull request, `{prefix} remove {run.id}` does."
        )
    return Reply(stage=Stage.FINISHED, text=text, runs=(run.id,))


def _name(link: RunPullRequest) -> str:
    return pull_request_links([link]) or f"pull request {link.id} of Codegen"
