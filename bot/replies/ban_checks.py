"""What the bot says of bans: what happened, what goes on, and how it is undone."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.phrases import run_link
from bot.replies.reply import Reply
from bot.replies.run_pull_request import links_of


def banned(run: AgentRun, *, failed: Sequence[str], prefix: str) -> Reply:
    """:param failed: threads on which the label could not be set"""
    where = _where(run)
    text = (
        f"Codegen no longer reacts to the checks of {where}, and its agents there are stopped; the checks themselves "
        "go on."
        if where
        else _accepted_without(run, "ban-checks", prefix)
    )
    return _reply(run, text, f"`{prefix} unban-checks {run.id}`", failed)


def unbanned(run: AgentRun, *, failed: Sequence[str], prefix: str) -> Reply:
    """:param failed: threads on which the label could not be taken off"""
    where = _where(run)
    text = (
        f"Codegen reacts to the checks of {where} again; agents that were stopped stay so until somebody resumes them."
        if where
        else f"Codegen accepted it for {run_link(run)}, which has no pull request so far."
    )
    return _reply(run, text, f"`{prefix} ban-checks {run.id}`", failed)


def removed(run: AgentRun, *, failed: Sequence[str], prefix: str) -> Reply:
    """:param failed: threads on which the label could not be set"""
    where = _where(run)
    text = (
        f"Codegen is off {where}: its agents there are stopped, and it no longer reacts to the checks; the pull "
        f"{'request stays' if len(run.github_pull_requests) == 1 else 'requests stay'} open."
        if where
        else _accepted_without(run, "remove", prefix)
    )
    return _reply(run, text, f"`{prefix} unban-checks {run.id}`", failed)


def none_of_this(*, prefix: str) -> str:
    """The label was put on a pull request that is no run's."""
    return (
        "No agent run is known to be on this pull request, so Codegen cannot be told to leave its checks alone.\n\n"
        f"Next: if a run is meant all the same, name it by its number: `{prefix} ban-checks 7`"
    )


def _where(run: AgentRun) -> str:
    return f"{links_of(run.github_pull_requests)} ({run_link(run)})" if run.github_pull_requests else ""


def _accepted_without(run: AgentRun, command: str, prefix: str) -> str:
    goes_on = "" if run.finished else " The run itself goes on: nothing stops one that has no pull request."
    return (
        f"Codegen accepted it for {run_link(run)}, which has no pull request so far.{goes_on} Once it has one, "
        f"`{prefix} {command} {run.id}` makes sure."
    )


def _reply(run: AgentRun, text: str, undo: str, failed: Sequence[str]) -> Reply:
    label = f"The label could not be changed on {', '.join(failed)}: the bot may not, or it is gone." if failed else ""
    parts = (f"{text} Undo: {undo}", label)
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part), runs=(run.id,))
