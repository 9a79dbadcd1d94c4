"""``resume``: gives an agent run a follow-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Flags, Usage, required_prompt, split_run
from bot.execution import prompts, run_texts
from bot.execution.agent_runs import check_follow_up, follow, prompt_context
from bot.execution.context import CommandContext
from bot.execution.reply import Reply
from bot.execution.resolve_run import check_elsewhere, check_visible, resolve_run
from bot.text.markers import Stage


@dataclass(frozen=True, slots=True)
class Resume:
    """:param run: the run's id; None: the thread's latest"""

    USAGE: ClassVar[Usage] = Usage(
        "resume",
        "Gives a run a follow-up; without a number, this thread's latest run.",
        arguments="[RUN] PROMPT",
        example_arguments="also update the changelog",
        sets_latest=True,
    )

    prompt: str
    run: int | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the prompt is missing"""
        run, prompt = split_run(rest.strip())
        return cls(required_prompt(prompt), run)


async def resume(command: Resume, ctx: CommandContext) -> Reply:
    run_id = await resolve_run(command.run, ctx, example=f"resume 7 {command.prompt[:40]}")
    # Names no run for later commands: it is not known yet whether this one may be resumed here.
    await ctx.show(Reply.of(Stage.ACCEPTED, f"Accepted. Sending the follow-up to run {run_id}…"))
    before = await ctx.runs.get(run_id, waits=True)
    await check_visible(before, ctx)
    await check_follow_up(before, command.USAGE, ctx)
    await check_elsewhere(before, ctx)
    await ctx.charge(1)
    prompt = prompts.resume_prompt(command.prompt, await prompt_context(ctx), identity=ctx.invocation.identity)
    started = await ctx.runs.resume(before, prompt)
    return await follow(started, ctx, started_reply=run_texts.resumed, resumed=before)
