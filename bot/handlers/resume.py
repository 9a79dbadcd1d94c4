"""``resume``: gives a run a follow-up and waits for it to end again."""

from __future__ import annotations

from bot.commands.resume import Resume
from bot.handlers.budget import spend
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.prompt_context import prompt_context
from bot.handlers.repository_id import check_follow_up
from bot.handlers.resolve_run import check_elsewhere, check_visible, resolve_run
from bot.replies import prompts, runs
from bot.replies.reply import Reply


async def resume(command: Resume, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run_id = await resolve_run(
        command.run, invocation, ctx, example=f"{invocation.prefix} resume 7 {command.prompt[:40]}"
    )
    await ctx.show(runs.accepted_resume(run_id))
    before = await ctx.runs.get(run_id, waits=True)
    await check_visible(before, invocation, ctx)
    await check_follow_up(before, command.USAGE, invocation, ctx)
    await check_elsewhere(before, invocation, ctx)
    await spend(1, invocation, ctx)
    prompt = prompts.resume_prompt(command.prompt, await prompt_context(invocation, ctx), identity=invocation.identity)
    started = await ctx.runs.resume(before, prompt)
    if not invocation.waits:
        return runs.left(started.run, prefix=invocation.prefix)
    await ctx.show(runs.resumed(started.run))
    ended = await ctx.following.wait(
        started, show=lambda seen, seconds: ctx.shaped(runs.working, seen, seconds=seconds), resumed=before
    )
    return await ctx.shaped(
        runs.outcome, ended.run, seconds=ended.seconds, prefix=invocation.prefix, problem=ended.problem
    )
