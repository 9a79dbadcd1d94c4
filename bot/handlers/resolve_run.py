"""Which run a command means, and whether it may be shown or changed where the command was given.

The bot's token sees all runs of the organization; whoever reads a thread, or may write in one repository, may not. How
a run's number was found says nothing of whom it is for: it may be typed, or stand in a description or a comment. So one
rule holds for every command:

- A run that is known to belong to this repository is shown and changed as the command's permission says. What is known
  is said by `bot.handlers.runs_of_thread.RunsOfThread.here`.
- One that belongs to other repositories is neither, unless this repository is private and the person may write in all
  of those. A run that belongs here as well is shown, and changed only on the same terms.
- One that belongs to no repository that is known is for people who may write here.

Whoever holds the tokens sees and reaches what the tokens do.
"""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.errors import UserError
from bot.github.models import Permission
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.run_marks import repositories_of
from bot.replies.failures import belongs_elsewhere_too, no_run_here, no_run_named, not_of_this_repository
from bot.replies.untrusted import inline_code


async def resolve_run(given: int | None, invocation: CommandInvocation, ctx: CommandContext, *, example: str) -> int:
    """The run that was named, else the thread's latest. Whether it may be shown has to be looked at apart.

    :param example: a command that names a run, for the one who has to
    :raises UserMistake: where none was named and the thread has none, or there is no thread
    """
    if given is None and invocation.thread is None:
        raise UserError(no_run_named(inline_code(example)))
    run_id = given if given is not None else await ctx.thread_runs.latest()
    if run_id is None:
        raise UserError(no_run_here(example, prefix=invocation.prefix))
    return run_id


async def visible_run(
    given: int | None, invocation: CommandInvocation, ctx: CommandContext, *, example: str
) -> AgentRun:
    """The same, looked up, and to be shown here.

    :raises UserMistake: as `resolve_run` and `check_visible`
    """
    run = await ctx.runs.get(await resolve_run(given, invocation, ctx, example=example))
    await check_visible(run, invocation, ctx)
    return run


async def check_visible(run: AgentRun, invocation: CommandInvocation, ctx: CommandContext) -> None:
    """:raises UserMistake: where the run may not be shown here"""
    if invocation.by_token or await ctx.thread_runs.here([run]):
        return
    elsewhere = _elsewhere(run, invocation)
    if not elsewhere:
        may = await ctx.permission(needed=Permission.WRITE) >= Permission.WRITE
    else:
        may = all([await reaches(repository, invocation, ctx) for repository in elsewhere])
    if not may:
        raise UserError(not_of_this_repository(run.id))


async def check_changeable(run: AgentRun, invocation: CommandInvocation, ctx: CommandContext) -> None:
    """For what changes a run, and with it all of its pull requests.

    :raises UserMistake: where the run may not be shown or changed here
    """
    await check_visible(run, invocation, ctx)
    await check_elsewhere(run, invocation, ctx)


async def check_elsewhere(run: AgentRun, invocation: CommandInvocation, ctx: CommandContext) -> None:
    """Of a run that may be shown.

    :raises UserMistake: where it has to do with a repository that the order does not reach
    """
    for repository in _elsewhere(run, invocation):
        if not await reaches(repository, invocation, ctx):
            raise UserError(belongs_elsewhere_too(run.id))


async def reaches(repository: str, invocation: CommandInvocation, ctx: CommandContext) -> bool:
    """Whether an order shows and changes what is in a repository.

    From a public thread none reaches another repository: what may be read there need not be private, but that is not
    known.
    """
    if invocation.by_token or repository.lower() == invocation.the_repository().lower():
        return True
    return not invocation.is_public and await ctx.may_write(repository)


def _elsewhere(run: AgentRun, invocation: CommandInvocation) -> list[str]:
    """The other repositories that the run has to do with, as far as is known; none for whoever holds the tokens. A mark
    is believed here: it only restricts."""
    return [] if invocation.by_token else sorted(repositories_of(run) - {invocation.the_repository().lower()})
