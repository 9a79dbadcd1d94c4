"""``confirm``: confirms the user's own large requests."""

from __future__ import annotations

from bot.commands.confirm import Confirm
from bot.errors import UserError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies import multi_run as replies
from bot.replies.reply import Reply


async def confirm(command: Confirm, invocation: CommandInvocation, ctx: CommandContext) -> Reply:  # noqa: ARG001 - a handler like the others
    invocation.the_thread()
    identities = await ctx.confirm()
    if not identities:
        raise UserError(replies.nothing_waits(invocation.person.login))
    return replies.confirmed(identities)
