"""The context of an invocation, for the agent's prompt."""

from __future__ import annotations

from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.needed import is_lowered
from bot.replies.prompts import PromptContext
from bot.repository_config.prompts import fill


def prompt_text(prompt: str, invocation: CommandInvocation, place: PromptContext) -> str:
    """The task for the agent: the user's own prompt, or the repository's named prompt.

    Whoever opens a pull request chooses its title and its branch, so a named prompt only refers to them.
    """
    if invocation.named is None:
        return prompt
    filled = fill(
        invocation.named.template,
        title="[the title, quoted below]" if place.thread else "",
        link=place.thread.url if place.thread else "",
        branch="[the branch, quoted below]" if place.pull_request else "",
        rest=invocation.named.rest,
    )
    return filled.strip()


async def prompt_context(invocation: CommandInvocation, ctx: CommandContext) -> PromptContext:
    return PromptContext(
        thread=invocation.thread,
        repository=invocation.home,
        comment=invocation.comment,
        label=invocation.label.name if invocation.label else None,
        login=invocation.person.login,
        prompt_name=invocation.named.name
        if invocation.named is not None and is_lowered(invocation, ctx.config)
        else None,
        pull_request=await ctx.pull_request(),
    )
