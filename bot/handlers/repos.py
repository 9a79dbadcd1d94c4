"""``repos``: the repositories that Codegen has access to."""

from __future__ import annotations

from bot.commands.repos import Repos
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies import repos as replies
from bot.replies.reply import Reply


async def repos(command: Repos, invocation: CommandInvocation, ctx: CommandContext) -> Reply:  # noqa: ARG001 - a handler like the others
    repositories = await ctx.codegen.repositories()
    here = invocation.home or ""
    if invocation.is_public:
        own = next((each for each in repositories if each.full_name.lower() == here.lower()), None)
        return replies.repo(own, here=here).holding([own] if own else [])
    return (await ctx.shaped(replies.repos, repositories, here=here)).holding(repositories)
