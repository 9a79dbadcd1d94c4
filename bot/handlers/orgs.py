"""``orgs``: the Codegen organizations that the bot's token can access."""

from __future__ import annotations

from bot.commands.orgs import Orgs
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.public_thread import check_not_public
from bot.replies import orgs as replies
from bot.replies.reply import Reply


async def orgs(command: Orgs, invocation: CommandInvocation, ctx: CommandContext) -> Reply:  # noqa: ARG001 - a handler like the others
    check_not_public(invocation)
    organizations = await ctx.codegen.organizations()
    return (await ctx.shaped(replies.orgs, organizations, own=ctx.org_id)).holding(organizations)
