"""Looks up the invocation's repository at Codegen."""

from __future__ import annotations

from bot.codegen.models import Repository
from bot.errors import UserError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies.checks import repository_not_known


async def codegen_repository(invocation: CommandInvocation, ctx: CommandContext) -> Repository:
    """:raises UserError: if Codegen does not have it, or the invocation names no repository"""
    repository_name = invocation.the_repository()
    name = repository_name.lower()
    for repository in await ctx.codegen.repositories():
        if repository.full_name.lower() == name:
            return repository
    raise UserError(repository_not_known(repository_name))
