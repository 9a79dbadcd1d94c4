"""``ban-checks``, ``unban-checks``, ``remove`` and ``cancel``: keep agents away from a pull request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.codegen.models import MARK, AgentRun
from bot.commands.labels import set_labels
from bot.commands.pull_request import pull_request_on
from bot.commands.usage import RunCommand, run_usage
from bot.errors import ErrorKind, RefusedError, UpstreamError, UserError
from bot.execution.context import CommandContext
from bot.execution.failures import describe
from bot.execution.phrases import pull_request_links, run_link
from bot.execution.reply import Reply
from bot.execution.repository_config.model import LabelRole
from bot.execution.resolve_run import check_changeable, resolve_run, visible_run
from bot.execution.run_marks import threads_of
from bot.github.models import Permission
from bot.text.markers import Stage

MOST_LINKS = 20


class BanChecks(RunCommand):
    USAGE = run_usage("ban-checks", "Stops Codegen from reacting to this pull request's checks, and its agents on it.")


class UnbanChecks(RunCommand):
    USAGE = run_usage("unban-checks", "Lets Codegen react to this pull request's checks again.")


class Remove(RunCommand):
    USAGE = run_usage("remove", "Removes Codegen from this pull request and stops its agents on it.")


class Cancel(RunCommand):
    """Stops a run of an agent of one's own, which takes write access. Codegen has no operation for that."""

    USAGE = run_usage(
        "cancel", "Stops a run of an agent of your own; says how one of Codegen's can be stopped.", permission="read"
    )


async def ban_checks(command: BanChecks, ctx: CommandContext) -> Reply:
    run = await _run_of_thread(command, ctx)
    thread = ctx.invocation.thread
    is_elsewhere = thread is not None and thread.is_pull_request and pull_request_on(thread, run) is None
    if ctx.invocation.label is not None and run.github_pull_requests and is_elsewhere:
        # The label would mark this pull request, although only another one is banned.
        links = pull_request_links(run.github_pull_requests[:MOST_LINKS]) or "another pull request"
        raise UserError(
            f"No agent run is known to be on this pull request; its latest, {run_link(run)}, has {links}.\n\n"
            f"Next: put the label there, or write here: `{ctx.invocation.prefix} ban-checks {run.id}`"
        )
    await _call_for(run, ctx.codegen.ban_checks, ctx)
    failed = await set_labels(LabelRole.BAN_CHECKS, threads_of(run), ctx, on=True)
    return banned(run, failed=failed, prefix=ctx.invocation.prefix)


async def unban_checks(command: UnbanChecks, ctx: CommandContext) -> Reply:
    run = await _run_of_thread(command, ctx)
    await _call_for(run, ctx.codegen.unban_checks, ctx)
    # An issue may carry the label too, if the ban was requested there.
    thread = ctx.invocation.thread
    threads = dict.fromkeys([*threads_of(run), *([(thread.repository, thread.number)] if thread else [])])
    failed = await set_labels(LabelRole.BAN_CHECKS, [*threads], ctx, on=False)
    again = (
        "Failed checks of {} may start agents again."
        if run.is_of_own_agent
        else "Codegen reacts to the checks of {} again."
    )
    return Reply.of(
        Stage.FINISHED,
        f"{again.format(_pull_requests(run))} Agents that were stopped stay stopped.",
        failed,
        f"To continue the run: `{ctx.invocation.prefix} resume {run.id} <what to do>`",
        run=run,
    )


async def remove(command: Remove, ctx: CommandContext) -> Reply:
    """Upstream this is a ban under another name, so it sets the same label."""
    run = await _run_of_thread(command, ctx)
    await _call_for(run, ctx.codegen.remove_from_pr, ctx)
    failed = await set_labels(LabelRole.BAN_CHECKS, threads_of(run), ctx, on=True)
    if not run.github_pull_requests and run.cancellable:
        text = f"Stopping {run_link(run)}: its agent is ended, and what it has done so far is kept."
    elif not run.github_pull_requests:
        text = _without_pull_request(run, "stay away from it")
    elif run.is_of_own_agent:
        text = (
            f"Stopped the agents on {_pull_requests(run)}; failed checks start none there any more. "
            "The pull request itself stays as it is."
        )
    else:
        text = (
            f"Removed Codegen from {_pull_requests(run)}: its agents there are stopped, and it no longer reacts to the "
            "checks. The pull request itself stays as it is."
        )
    return Reply.of(Stage.FINISHED, text, failed, _undo(run, ctx.invocation.prefix), run=run)


async def cancel(command: Cancel, ctx: CommandContext) -> Reply:
    run, prefix = await visible_run(command.run, ctx), ctx.invocation.prefix
    if run.finished or not run.cancellable:
        return how_to_stop(run, prefix=prefix)
    await check_changeable(run, ctx)
    if await ctx.permission(needed=Permission.WRITE) < Permission.WRITE:
        raise RefusedError(
            f"Stopping {run_link(run)} takes write access to this repository.\n\nNext: ask someone who has it."
        )
    await ctx.codegen.cancel_run(run.id)
    return Reply.of(
        Stage.FINISHED,
        f"Stopping {run_link(run)}: its agent is ended, and what it has done so far is kept.",
        f"To continue it: `{prefix} resume {run.id} <what to do>`",
        run=run,
    )


async def _run_of_thread(command: RunCommand, ctx: CommandContext) -> AgentRun:
    """The run that was named, else the newest on this pull request, else the thread's latest; may be changed here.

    :raises UserError: if there is none, or it may not be changed here
    """
    run, thread = await ctx.runs.get(await resolve_run(command.run, ctx)), ctx.invocation.thread
    if command.run is None and thread and thread.is_pull_request and pull_request_on(thread, run) is None:
        # The latest run here may work on its own pull request; this one may belong to an earlier run.
        newest = (await ctx.codegen.runs_page(1)).runs
        run = next((each for each in newest if pull_request_on(thread, each)), run)
    await check_changeable(run, ctx)
    return run


async def _call_for(run: AgentRun, call: Callable[[int], Awaitable[None]], ctx: CommandContext) -> None:
    """Calls an operation at Codegen that finds a run's pull request by the run's id. Only Codegen knows for certain
    whether there is one.

    :raises UserError: if Codegen refuses because the run has none
    """
    try:
        await call(run.id)
    except UpstreamError as error:
        if run.github_pull_requests or error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.INVALID}:
            raise
        command = f"{ctx.invocation.prefix} {ctx.invocation.name} {run.id}"
        raise UserError(refused(run, error, command=command)) from None


def refused(run: AgentRun, error: UpstreamError, *, command: str) -> str:
    return (
        f"{run_link(run, capital=True)} has no pull request, and Codegen accepts this only for a run that has one.\n\n"
        f"> {describe(error)}\n\nNext: once the run has opened one, give `{command}` again."
    )


def banned(run: AgentRun, *, failed: str, prefix: str) -> Reply:
    """:param failed: a sentence about the threads on which the label could not be set"""
    if run.is_of_own_agent:
        text = _own_agents_stopped(run, prefix)
    elif run.github_pull_requests:
        text = f"Codegen no longer reacts to the checks of {_pull_requests(run)}; its agents there are stopped."
    else:
        text = _without_pull_request(run, "not react to its checks")
    return Reply.of(Stage.FINISHED, text, failed, _undo(run, prefix), run=run)


def _own_agents_stopped(run: AgentRun, prefix: str) -> str:
    mark = (run.metadata or {}).get(MARK)
    is_on_one = isinstance(mark, dict) and "/pull/" in str(mark.get("url"))
    if run.github_pull_requests or is_on_one:
        return f"Failed checks of {_pull_requests(run)} start no agent any more; the agents there are stopped."
    stop = f"`{prefix} cancel {run.id}` stops it"
    return f"{run_link(run, capital=True)} has no pull request, so its agent continues; {stop}."


def _without_pull_request(run: AgentRun, what: str) -> str:
    """Codegen accepted it for a run without a pull request: that stops no agent."""
    return (
        f"Codegen has noted it: {run_link(run)} has no pull request yet; once there is one, Codegen will {what}. A "
        "running agent continues."
    )


def _undo(run: AgentRun, prefix: str) -> str:
    return f"Undo: `{prefix} unban-checks {run.id}`"


def _pull_requests(run: AgentRun) -> str:
    links = pull_request_links(run.github_pull_requests)
    return f"{links} ({run_link(run)})" if links else f"the pull request of {run_link(run)}"


def how_to_stop(run: AgentRun, *, prefix: str) -> Reply:
    if run.finished:
        text = f"{run_link(run, capital=True)} has already ended; there is nothing to stop."
    elif run.github_pull_requests:
        text = (
            f"Codegen cannot cancel a run, but it can stop all its agents on a pull request: "
            f"`{prefix} remove {run.id}` does so on {pull_request_links(run.github_pull_requests)}."
        )
    else:
        text = (
            f"Codegen's API cannot stop {run_link(run)}: it stops agents by their pull request only, and this run has "
            f"none yet. Its page may let you stop it; once it has a pull request, `{prefix} remove {run.id}` does."
        )
    return Reply.of(Stage.FINISHED, text, run=run)
