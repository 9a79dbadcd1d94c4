"""What stands in the way of a command on a run's pull request."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun, RunPullRequest
from bot.errors import UpstreamError
from bot.replies.failures import sentence
from bot.replies.phrases import pull_request_links, run_link

MOST_SHOWN = 20


def links_of(pull_requests: Sequence[RunPullRequest]) -> str:
    """Their links, the first `MOST_SHOWN` of them; words where none has an address."""
    links = pull_request_links(pull_requests[:MOST_SHOWN])
    more = f" … and {len(pull_requests) - MOST_SHOWN} more" if len(pull_requests) > MOST_SHOWN else ""
    words = "its pull request" if len(pull_requests) == 1 else "its pull requests"
    return f"{links or words}{more}"


def elsewhere(run: AgentRun, *, command: str, prefix: str) -> str:
    return (
        f"{run_link(run, capital=True)} has no pull request in this repository, and who may do this is asked for in "
        f"the pull request's own.\n\nNext: give `{prefix} {command} {run.id}` on {links_of(run.github_pull_requests)}."
    )


def several(run: AgentRun, *, command: str, prefix: str) -> str:
    return (
        f"{run_link(run, capital=True)} has several pull requests: {links_of(run.github_pull_requests)}.\n\n"
        f"Next: give `{prefix} {command} {run.id}` on the one that is meant."
    )


def has_none(run: AgentRun, *, prefix: str) -> str:
    if run.finished:
        next_step = f"`{prefix} resume {run.id} open a pull request` asks the agent for one."
    else:
        next_step = f"it is still at work and may open one; `{prefix} status {run.id}` shows how far it is."
    return f"{run_link(run, capital=True)} has no pull request.\n\nNext: {next_step}"


def refused_without(run: AgentRun, error: UpstreamError, *, command: str, prefix: str) -> str:
    """Codegen was told all the same, because it knows best; it said no."""
    return (
        f"{run_link(run, capital=True)} has no pull request, and Codegen takes this for none without.\n\n"
        f"> {sentence(error)}\n\n"
        f"Next: once the run has opened one, give `{prefix} {command} {run.id}` again."
    )
