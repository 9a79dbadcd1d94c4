"""``integrations``: the services connected to the Codegen organization."""

from __future__ import annotations

from bot.commands.integrations import Integrations
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.public_thread import check_not_public
from bot.replies import integrations as replies
from bot.replies.reply import Reply


async def integrations(command: Integrations, invocation: CommandInvocation, ctx: CommandContext) -> Reply:  # noqa: ARG001 - a handler like the others
    check_not_public(invocation)
    found = await ctx.codegen.integrations()
    return (await ctx.shaped(replies.integrations, found)).holding(found)
