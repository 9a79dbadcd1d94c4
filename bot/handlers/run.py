"""``run``: starts an agent on the thread and waits for it to end."""

from __future__ import annotations

from bot.commands.run import Run
from bot.handlers.budget import spend
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.prompt_context import prompt_context, prompt_text
from bot.handlers.repository_id import check_repository_id
from bot.replies import prompts, runs
from bot.replies.reply import Reply


async def run(command: Run, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    await check_repository_id(command.repo_id, command.USAGE, invocation, ctx)
    await spend(1, invocation, ctx)
    kind = None
    if invocation.thread is not None:
        kind = "pull request" if invocation.thread.is_pull_request else "issue"
    await ctx.show(runs.accepted_run(place=kind, slot_in=ctx.runs.creation_wait()))
    addresses = prompts.image_addresses(command.images)
    at = await prompt_context(invocation, ctx)
    prompt = prompts.run_prompt(prompt_text(command.prompt, invocation, at), at, image_addresses=addresses)
    started = await ctx.runs.create(
        prompt,
        model=command.model or ctx.config.defaults.model,
        agent_type=command.agent_type or ctx.config.defaults.agent_type,
        repo_id=command.repo_id,
        images=[image for image in command.images if image not in addresses],
    )
    if not invocation.waits:
        return runs.left(started.run, prefix=invocation.prefix)
    await ctx.show(runs.started(started.run))
    ended = await ctx.following.wait(
        started, show=lambda seen, seconds: ctx.shaped(runs.working, seen, seconds=seconds)
    )
    return await ctx.shaped(
        runs.outcome, ended.run, seconds=ended.seconds, prefix=invocation.prefix, problem=ended.problem
    )
