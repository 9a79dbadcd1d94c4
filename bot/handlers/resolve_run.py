"""Which run a command selects, and whether it may be shown or changed from there.

The bot's token can access all runs of the organization; a user who reads a thread, or may write in one repository, may
not. How a run's number was found proves nothing about who may see it: it may be typed, or come from a description or a
comment. So one rule applies to every command:

- A run that is known to belong to this repository is shown and changed as the command's permission allows. What counts
  as known is defined by `bot.handlers.runs_of_thread.RunsOfThread.here`.
- One that belongs to other repositories is neither, unless this repository is private and the user may write in all of
  those. A run that belongs here as well is shown, and changed only on the same terms.
- One that belongs to no known repository is for users who may write here.

The holder of the tokens may access whatever the tokens can.
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
    """The run that was named, else the thread's latest. Visibility must be checked separately.

    :param example: a command that names a run, for the error message
    :raises UserError: if none was named and the thread has none, or there is no thread
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
    """The same, fetched, and checked to be visible here.

    :raises UserError: as `resolve_run` and `check_visible`
    """
    run = await ctx.runs.get(await resolve_run(given, invocation, ctx, example=example))
    await check_visible(run, invocation, ctx)
    return run


async def check_visible(run: AgentRun, invocation: CommandInvocation, ctx: CommandContext) -> None:
    """:raises UserError: if the run may not be shown here"""
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
    """Checks that a run, and with it all of its pull requests, may be changed.

    :raises UserError: if the run may not be shown or changed here
    """
    await check_visible(run, invocation, ctx)
    await check_elsewhere(run, invocation, ctx)


async def check_elsewhere(run: AgentRun, invocation: CommandInvocation, ctx: CommandContext) -> None:
    """Checks the other repositories of a run that may be shown.

    :raises UserError: if the run is connected with a repository that the invocation cannot access
    """
    for repository in _elsewhere(run, invocation):
        if not await reaches(repository, invocation, ctx):
            raise UserError(belongs_elsewhere_too(run.id))


async def reaches(repository: str, invocation: CommandInvocation, ctx: CommandContext) -> bool:
    """Whether an invocation may show and change what is in a repository.

    From a public thread none may access another repository: whether that one is private is not known.
    """
    if invocation.by_token or repository.lower() == invocation.the_repository().lower():
        return True
    return not invocation.is_public and await ctx.may_write(repository)


def _elsewhere(run: AgentRun, invocation: CommandInvocation) -> list[str]:
    """The run's other known repositories; none for the holder of the tokens. A mark is trusted: it only restricts."""
    return [] if invocation.by_token else sorted(repositories_of(run) - {invocation.the_repository().lower()})
