"""``status``: the state of a run."""

from __future__ import annotations

from bot.commands.status import Status
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.resolve_run import visible_run
from bot.replies import runs
from bot.replies.reply import Reply


async def status(command: Status, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, invocation, ctx, example=f"{invocation.prefix} status 7")
    seconds = (ctx.now() - run.created_at).total_seconds() if run.created_at else None
    return (await ctx.shaped(runs.status, run, seconds=seconds, prefix=invocation.prefix)).holding(run)
