"""``close``, ``reopen``, ``draft``, ``ready``: the state of a run's pull request, through Codegen."""

from __future__ import annotations

from bot.codegen.client import PullRequestState
from bot.commands.edit_pull_request import Close, Draft, EditPullRequest, Ready, Reopen
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.resolve_run import visible_run
from bot.handlers.run_pull_request import meant
from bot.replies import pull_requests as replies
from bot.replies.reply import Reply

STATES: dict[type[EditPullRequest], PullRequestState] = {
    Close: "closed",
    Reopen: "open",
    Draft: "draft",
    Ready: "ready_for_review",
}


async def edit_pull_request(command: EditPullRequest, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, invocation, ctx, example=f"{invocation.prefix} {invocation.name} 7")
    link = await meant(run, invocation, ctx)
    state = STATES[type(command)]
    edited = await ctx.codegen.edit_pull_request(link.id, state)
    if not edited.success:
        return await ctx.shaped(replies.not_edited, run, link, edited.error)
    return replies.edited(run, link, state, prefix=invocation.prefix)
