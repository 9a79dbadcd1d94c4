"""``cancel``: shows what of a run can be stopped, and how. It stops nothing itself."""

from __future__ import annotations

from bot.commands.cancel import Cancel
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.resolve_run import visible_run
from bot.replies.pull_requests import how_to_stop
from bot.replies.reply import Reply


async def cancel(command: Cancel, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, invocation, ctx, example=f"{invocation.prefix} cancel 7")
    return how_to_stop(run, prefix=invocation.prefix)
