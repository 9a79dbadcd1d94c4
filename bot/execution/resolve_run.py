"""Finds the run that a command is about, and checks who may see it."""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.errors import UserError
from bot.execution.context import CommandContext
from bot.execution.run_marks import repositories_of
from bot.github.models import Permission
from bot.text.untrusted import inline_code

_WITH_OWN_TOKEN = "use the dashboard or the command line, with a Codegen token of your own."  # noqa: S105 - a sentence


async def resolve_run(given: int | None, ctx: CommandContext, *, example: str | None = None) -> int:
    """The run that was named, else the thread's latest. Visibility must be checked separately.

    :param example: a command that names a run, for the error message; None: the command's name and a number
    :raises UserError: if none was named and the thread has none, or there is no thread
    """
    if given is not None:
        return given
    prefix = ctx.invocation.prefix
    named = inline_code(f"{prefix} {example or f'{ctx.invocation.name} 7'}")
    has_thread = ctx.invocation.thread is not None
    run_id = await ctx.thread_runs.latest() if has_thread else None
    if run_id is None:
        if ctx.is_job:
            # A number would be of no use either.
            raise UserError(
                f"There is no run for `{ctx.invocation.name}`: agents work in the workflow's job, and their runs end "
                f"with it. Start one with `{prefix} run <what to do>`: on a pull request it works on the same branch."
            )
        if not has_thread:
            raise UserError(
                f"Without a pull request or an issue there is no latest run: name one by number, as in {named}."
            )
        raise UserError(
            f"No agent run belongs to this thread yet. Start one with `{prefix} run <what to do>`, or name one "
            f"by number: {named}"
        )
    return run_id


async def visible_run(given: int | None, ctx: CommandContext) -> AgentRun:
    """The same, fetched, and checked to be visible here.

    :raises UserError: as `resolve_run` and `check_visible`
    """
    run = await ctx.runs.get(await resolve_run(given, ctx))
    await check_visible(run, ctx)
    return run


async def check_visible(run: AgentRun, ctx: CommandContext) -> None:
    """:raises UserError: if the run may not be shown here"""
    if ctx.invocation.by_token or await ctx.thread_runs.in_repository([run]):
        return
    elsewhere = _elsewhere(run, ctx)
    if not elsewhere:
        may = not ctx.invocation.is_public and await ctx.permission(needed=Permission.WRITE) >= Permission.WRITE
    else:
        may = all([await may_access(repository, ctx) for repository in elsewhere])
    if not may:
        raise UserError(not_of_this_repository(run.id))


async def check_changeable(run: AgentRun, ctx: CommandContext) -> None:
    """Checks that a run, and with it all of its pull requests, may be changed.

    :raises UserError: if the run may not be shown or changed here
    """
    await check_visible(run, ctx)
    await check_elsewhere(run, ctx)


async def check_elsewhere(run: AgentRun, ctx: CommandContext) -> None:
    """Checks the other repositories of a run that may be shown.

    :raises UserError: if the run is connected with a repository that the invocation cannot access
    """
    for repository in _elsewhere(run, ctx):
        if not await may_access(repository, ctx):
            raise UserError(
                f"Run {run.id} also involves other repositories, so it cannot be changed from here.\n\n"
                f"Next: change its pull requests one by one, each on its own page, or {_WITH_OWN_TOKEN}"
            )


async def may_access(repository: str, ctx: CommandContext) -> bool:
    """Whether an invocation may show and change what is in a repository.

    From a public thread none may access another repository: whether that one is private is not known.
    """
    invocation = ctx.invocation
    if invocation.by_token or repository.lower() == invocation.require_repository().lower():
        return True
    return not invocation.is_public and await ctx.may_write(repository)


def _elsewhere(run: AgentRun, ctx: CommandContext) -> list[str]:
    """The run's other known repositories; none for the holder of the tokens. A mark is trusted: it only restricts."""
    if ctx.invocation.by_token:
        return []
    return sorted(repositories_of(run) - {ctx.invocation.require_repository().lower()})


def check_not_public(ctx: CommandContext) -> None:
    """:raises UserError: if anyone could read the answer"""
    if ctx.invocation.is_public:
        name = ctx.invocation.name
        raise UserError(
            f"`{name}` shows internal data of the Codegen organization, and this repository is public.\n\n"
            f"Next: `codegen-bot {name}` on the command line, with a Codegen token of your own; or give the command in "
            "a private repository."
        )


def not_of_this_repository(run_id: int) -> str:
    """Does not say where the run belongs: a reader here may not know that such a repository exists."""
    return (
        f"Run {run_id} is not known to belong to this repository, so nothing about it is shown or changed here.\n\n"
        f"Next: give the command where the run belongs, or {_WITH_OWN_TOKEN}"
    )
