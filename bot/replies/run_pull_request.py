"""Errors of commands on a run's pull request."""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.errors import UpstreamError
from bot.replies.failures import sentence
from bot.replies.phrases import pull_request_links, run_link

MOST_SHOWN = 20


def none_of_this(run: AgentRun, *, prefix: str) -> str:
    """The label was added to a pull request that is not the run's."""
    links = pull_request_links(run.github_pull_requests[:MOST_SHOWN]) or "another pull request"
    return (
        f"No agent run is known to be on this pull request; its latest, {run_link(run)}, has {links}.\n\n"
        f"Next: put the label there, or say here: `{prefix} ban-checks {run.id}`"
    )


def refused_without(run: AgentRun, error: UpstreamError, *, command: str, prefix: str) -> str:
    """The request was sent to Codegen all the same, because only Codegen knows for certain; it refused."""
    return (
        f"{run_link(run, capital=True)} has no pull request, and Codegen takes this only for a run that has one.\n\n"
        f"> {sentence(error)}\n\n"
        f"Next: once the run has opened one, give `{prefix} {command} {run.id}` again."
    )
