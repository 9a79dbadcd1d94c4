"""``users``: the members of the Codegen organization."""

from __future__ import annotations

from bot.commands.users import Users
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.public_thread import check_not_public
from bot.replies import users as replies
from bot.replies.reply import Reply


async def users(command: Users, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    check_not_public(invocation)
    if command.user is not None:
        user = await ctx.codegen.user(command.user)
        return replies.user(user, org_id=ctx.org_id).holding(user)
    everybody = await ctx.codegen.users()
    return (await ctx.shaped(replies.users, everybody, org_id=ctx.org_id)).holding(everybody)
