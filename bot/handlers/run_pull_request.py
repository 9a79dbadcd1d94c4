"""Which pull request a command on a run concerns, and whether it may be accessed from where the command was given.

A user's permission is checked in one repository. The bot's own rights at Codegen cover all of the organization's, so
changes to a pull request follow the rule of `bot.handlers.resolve_run`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.codegen.models import AgentRun, RunPullRequest
from bot.commands.of_run import OfRun
from bot.errors import ErrorKind, UpstreamError, UserError
from bot.github.models import Thread
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.pull_request_location import location_of
from bot.handlers.resolve_run import check_changeable, reaches, resolve_run
from bot.replies import run_pull_request as replies
from bot.replies.failures import not_of_this_repository
from bot.replies.pull_requests import has_no_pull_request, has_several


async def run_of_thread(command: OfRun, invocation: CommandInvocation, ctx: CommandContext) -> AgentRun:
    """The run that was named, else the newest on this pull request, else the thread's latest; may be changed here.

    :raises UserError: if there is none, or it may not be changed here
    """
    run = await ctx.runs.get(
        await resolve_run(command.run, invocation, ctx, example=f"{invocation.prefix} {invocation.name} 7")
    )
    thread = invocation.thread
    if command.run is None and thread is not None and thread.is_pull_request and of_thread(run, thread) is None:
        # The latest run here may work on its own pull request; this one may belong to an earlier run.
        newest = (await ctx.codegen.runs_page(1)).runs
        run = next((each for each in newest if of_thread(each, thread)), run)
    await check_changeable(run, invocation, ctx)
    return run


async def flag(run: AgentRun, tell: Callable[[int], Awaitable[None]], invocation: CommandInvocation) -> None:
    """Calls an operation at Codegen that finds a run's pull request by the run's id.

    :raises UserError: if Codegen refuses because the run has none
    """
    try:
        await tell(run.id)
    except UpstreamError as error:
        if run.github_pull_requests or error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.INVALID}:
            raise
        text = replies.refused_without(run, error, command=invocation.name, prefix=invocation.prefix)
        raise UserError(text) from None


async def meant(run: AgentRun, invocation: CommandInvocation, ctx: CommandContext) -> RunPullRequest:
    """The run's pull request that is this thread, else the only one that may be changed here.

    :raises UserError: if there is none, or there are several
    """
    here = of_thread(run, invocation.thread)
    if here is not None:
        return here
    if not run.github_pull_requests:
        raise UserError(has_no_pull_request(run, prefix=invocation.prefix))
    links = [link for link in run.github_pull_requests if await _reaches(link, invocation, ctx)]
    if not links:
        raise UserError(not_of_this_repository(run.id))
    if len({location_of(link) or link.id for link in links}) > 1:
        raise UserError(has_several(run, links, command=f"{invocation.prefix} {invocation.name} {run.id}"))
    return links[0]


def of_thread(run: AgentRun, thread: Thread | None) -> RunPullRequest | None:
    """The run's pull request that is this thread."""
    if thread is None or not thread.is_pull_request:
        return None
    place = (thread.repository.lower(), thread.number)
    return next((link for link in run.github_pull_requests if location_of(link) == place), None)


async def _reaches(link: RunPullRequest, invocation: CommandInvocation, ctx: CommandContext) -> bool:
    """Codegen may not say where a pull request is on GitHub."""
    place = location_of(link)
    return invocation.by_token if place is None else await reaches(place[0], invocation, ctx)
