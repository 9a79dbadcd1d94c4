"""Shared by the commands that start agent runs: the checks, the prompt's context, following a run to its end."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.commands.usage import Usage
from bot.errors import RefusedError
from bot.execution import run_texts
from bot.execution.context import CommandContext
from bot.execution.invocation import CommandInvocation
from bot.execution.named_prompts import is_lowered
from bot.execution.prompts import PromptContext
from bot.execution.reply import Reply
from bot.execution.repository_config.prompts import fill
from bot.execution.run_marks import mark_of
from bot.execution.run_texts import Ended
from bot.execution.runs import Started
from bot.execution.steps import DEFERRED


async def follow(
    started: Started,
    ctx: CommandContext,
    *,
    started_reply: Callable[[AgentRun], Reply] = run_texts.started,
    working: Callable[..., Reply] = run_texts.working,
    outcome: Callable[..., Reply] = run_texts.outcome,
    resumed: AgentRun | None = None,
) -> Reply:
    """Waits for a run and shows its progress, unless the command does not wait for it.

    :param working: makes a reply from the run, the time of its start and its last step
    :param outcome: makes the reply from how the run ended and the prefix
    :param resumed: the run as it was before a resume
    """
    prefix = ctx.invocation.prefix
    if not ctx.invocation.waits:
        return run_texts.left(started.run, prefix=prefix)
    ended = await wait_for_end(started, ctx, started_reply=started_reply, working=working, resumed=resumed)
    return await ctx.render(outcome, ended, prefix=prefix)


async def wait_for_end(
    started: Started,
    ctx: CommandContext,
    *,
    started_reply: Callable[[AgentRun], Reply] = run_texts.started,
    working: Callable[..., Reply] = run_texts.working,
    resumed: AgentRun | None = None,
) -> Ended:
    """The same without a reply about the end."""
    await ctx.show_rendered(started_reply, started.run)
    return await ctx.waiter.wait(
        started, show=lambda run, since, step: ctx.render(working, run, since=since, step=step), resumed=resumed
    )


def prompt_text(prompt: str, invocation: CommandInvocation, context: PromptContext) -> str:
    """The task for the agent: the user's own prompt, or the repository's named prompt.

    Whoever opens a pull request chooses its title and its branch, so a named prompt only refers to them.
    """
    if invocation.named_prompt is None:
        return prompt
    filled = fill(
        invocation.named_prompt.template,
        title="[the title, quoted below]" if context.thread else "",
        link=context.thread.url if context.thread else "",
        branch="[the branch, quoted below]" if context.pull_request else "",
        rest=invocation.named_prompt.rest,
    )
    return filled.strip()


async def prompt_context(ctx: CommandContext) -> PromptContext:
    invocation = ctx.invocation
    lowered = invocation.named_prompt if is_lowered(invocation, ctx.config) else None
    return PromptContext(
        thread=invocation.thread,
        repository=invocation.repository_name,
        comment=invocation.comment,
        label=invocation.label.name if invocation.label else None,
        login=invocation.person.login,
        prompt_name=lowered.name if lowered else None,
        pull_request=await ctx.pull_request(),
    )


_NAME = TypeAdapter(str | None, config=DEFERRED)

_IN_THAT_REPOSITORY = "Next: give the command in that repository; without `--repo-id`, the agent works on this one."


async def check_repository_id(repo_id: int | None, usage: Usage, ctx: CommandContext) -> None:
    """Checks ``--repo-id``, and records the repository in the mark of the invocation's runs, which belong there too.

    The holder of the tokens may use whatever the tokens can access.

    :param repo_id: Codegen's id of it; None if none was given
    :param usage: of the command
    :raises RefusedError: if the user may not give the command there, or that cannot be determined; and if anyone
        could read the agent's answer
    """
    invocation = ctx.invocation
    if repo_id is None or invocation.by_token:
        return
    name = await ctx.record("repository-of-id", _NAME, lambda: _repository_name(repo_id, ctx))
    if name is not None and name.lower() == invocation.require_repository().lower():
        return
    if not invocation.require_thread().is_private:
        raise RefusedError(
            f"`--repo-id {repo_id}` is not this repository, and this repository is public: everyone could read here "
            f"what an agent finds in the other one. Nothing was started.\n\n{_IN_THAT_REPOSITORY}"
        )
    if name is None or not await ctx.may_use_in(name, usage):
        raise RefusedError(
            f"`--repo-id {repo_id}` is not a repository in which `{invocation.person.login}` is known to be allowed to "
            f"use `{usage.name}`. That takes `write` access there, or more if its config file says so. Nothing was "
            f"started.\n\n{_IN_THAT_REPOSITORY}"
        )
    ctx.runs.works_in = name


async def check_follow_up(run: AgentRun, usage: Usage, ctx: CommandContext) -> None:
    """A follow-up to a run that works in another repository needs what starting one there needs.

    The run's mark is not trusted, but here it can only restrict.

    :raises RefusedError: if the user may not give the command there, or anyone could read the answer
    """
    invocation, mark = ctx.invocation, mark_of(run)
    if invocation.by_token or mark is None or mark.works_in is None:
        return
    if mark.works_in.lower() == invocation.require_repository().lower():
        return
    if not invocation.require_thread().is_private or not await ctx.may_use_in(mark.works_in, usage):
        raise RefusedError(
            f"Run {run.id} works in another repository, and `{invocation.person.login}` is not known to be allowed to "
            f"use `{usage.name}` there and have the answer shown here. Nothing was sent.\n\n"
            "Next: give the command in that repository. It takes `write` access there, or more if its config file says "
            "so."
        )


async def _repository_name(repo_id: int, ctx: CommandContext) -> str | None:
    return next((each.full_name for each in await ctx.codegen.repositories() if each.id == repo_id), None)
