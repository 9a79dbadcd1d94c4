"""``setup-commands``: has Codegen generate this repository's set-up commands, and shows them."""

from __future__ import annotations

from pydantic import TypeAdapter

from bot.commands.setup_commands import SetupCommands
from bot.handlers.budget import spend
from bot.handlers.codegen_repository import codegen_repository
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies import runs
from bot.replies import setup_commands as replies
from bot.replies.reply import Reply

_NUMBER = TypeAdapter(int)


async def setup_commands(command: SetupCommands, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    async def repository_id() -> int:
        return (await codegen_repository(invocation, ctx)).id

    repository = invocation.the_repository()
    await spend(1, invocation, ctx)
    await ctx.show(replies.accepted(repository))
    number = await ctx.runs.settled("codegen-repository", _NUMBER, repository_id)
    started = await ctx.runs.generate_setup_commands(number, prompt=command.prompt)
    if not invocation.waits:
        return runs.left(started.run, prefix=invocation.prefix)
    await ctx.show(runs.started(started.run))
    ended = await ctx.following.wait(
        started, show=lambda seen, seconds: ctx.shaped(runs.working, seen, seconds=seconds)
    )
    return await ctx.shaped(
        replies.outcome, ended.run, repository, seconds=ended.seconds, prefix=invocation.prefix, problem=ended.problem
    )
