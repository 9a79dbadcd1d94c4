"""``close``, ``reopen``, ``draft`` and ``ready``: change the pull request that an agent run opened."""

from __future__ import annotations

from bot.codegen.models import AgentRun, PullRequestState, RunPullRequest
from bot.commands.usage import RunCommand, run_usage
from bot.errors import UserError
from bot.execution.context import CommandContext
from bot.execution.phrases import pull_request_links, quotation, run_link
from bot.execution.reply import Reply
from bot.execution.resolve_run import may_access, not_of_this_repository, visible_run
from bot.execution.run_marks import location_of
from bot.github.models import Thread
from bot.text.markers import Stage
from bot.text.untrusted import cut, inert


class Close(RunCommand):
    USAGE = run_usage("close", "Closes a run's pull request; without a number, that of this thread's latest run.")


class Reopen(RunCommand):
    USAGE = run_usage("reopen", "Reopens a run's closed pull request.")


class Draft(RunCommand):
    USAGE = run_usage("draft", "Converts a run's pull request to a draft.")


class Ready(RunCommand):
    USAGE = run_usage("ready", "Marks a run's pull request as ready for review.")


EditPullRequest = Close | Reopen | Draft | Ready

_EDITS: dict[type[EditPullRequest], tuple[PullRequestState, str, str]] = {
    Close: ("closed", "Closed", "reopen"),
    Reopen: ("open", "Reopened", "close"),
    Draft: ("draft", "Converted to a draft:", "ready"),
    Ready: ("ready_for_review", "Marked as ready for review:", "draft"),
}
"""The state, the words for the change, and the command that undoes it."""


async def edit_pull_request(command: EditPullRequest, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, ctx)
    link = await _select_pull_request(run, ctx)
    state, did, undo = _EDITS[type(command)]
    edited = await ctx.codegen.edit_pull_request(link.id, state)
    if not edited.success:
        return await ctx.render(not_edited, run, link, edited.error)
    text = f"{did} {link_name(link)} ({run_link(run)})."
    return Reply.of(Stage.FINISHED, text, f"Undo: `{ctx.invocation.prefix} {undo} {run.id}`", run=run)


async def _select_pull_request(run: AgentRun, ctx: CommandContext) -> RunPullRequest:
    """The run's pull request that is this thread, else the only one that may be changed here.

    :raises UserError: if there is none, or there are several
    """
    if (own := pull_request_on(ctx.invocation.thread, run)) is not None:
        return own
    prefix, capital_link = ctx.invocation.prefix, run_link(run, capital=True)
    if not run.github_pull_requests:
        state = "ended without one" if run.finished else "is still running"
        raise UserError(f"{capital_link} has no pull request. It {state}; `{prefix} status {run.id}` shows its state.")
    links = [link for link in run.github_pull_requests if await _may_change(link, ctx)]
    if not links:
        raise UserError(not_of_this_repository(run.id))
    if len({location_of(link) or link.id for link in links}) > 1:
        raise UserError(
            f"{capital_link} has several pull requests: {pull_request_links(links)}. "
            f"Give the command on the one you mean: `{prefix} {ctx.invocation.name} {run.id}`"
        )
    return links[0]


def pull_request_on(thread: Thread | None, run: AgentRun) -> RunPullRequest | None:
    """The run's pull request that is this thread."""
    if thread is None or not thread.is_pull_request:
        return None
    key = (thread.repository.lower(), thread.number)
    return next((link for link in run.github_pull_requests if location_of(link) == key), None)


async def _may_change(link: RunPullRequest, ctx: CommandContext) -> bool:
    """Codegen may not say where a pull request is on GitHub."""
    location = location_of(link)
    return ctx.invocation.by_token if location is None else await may_access(location[0], ctx)


def link_name(link: RunPullRequest) -> str:
    return pull_request_links([link]) or f"pull request {link.id} of Codegen"


def not_edited(run: AgentRun, link: RunPullRequest, error: str | None) -> Reply:
    """:param error: Codegen's message"""
    message = cut(inert(error or ""), 500)
    return Reply.of(
        Stage.FAILED,
        f"Codegen did not change {link_name(link)} ({run_link(run)}).",
        quotation(message) if message else "",
        "Next: change it on its own page, or fix what Codegen names and give the command again in a new comment.",
        run=run,
    )
