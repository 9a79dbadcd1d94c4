"""``--repo-id``: whether the user may have an agent work in that repository, and answer on this thread."""

from __future__ import annotations

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.commands.usage import Usage
from bot.errors import RefusedError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.run_marks import mark_of
from bot.replies import repository_id as replies

_NAME = TypeAdapter(str | None)


async def check_repository_id(
    repo_id: int | None, usage: Usage, invocation: CommandInvocation, ctx: CommandContext
) -> None:
    """Checks ``--repo-id``, and records the repository in the mark of the invocation's runs, which belong there too.

    The holder of the tokens may use whatever the tokens can access.

    :param repo_id: Codegen's id of it; None if none was given
    :param usage: of the command
    :raises RefusedError: if the user may not give the command there, or that cannot be determined; and if everybody
        could read the agent's answer
    """
    if repo_id is None or invocation.by_token:
        return
    home = invocation.the_repository()
    name = await ctx.runs.settled("repository-of-id", _NAME, lambda: _name(repo_id, ctx))
    if name is not None and name.lower() == home.lower():
        return
    if not invocation.the_thread().is_private:
        raise RefusedError(replies.not_from_public(repo_id))
    if name is None or not await ctx.may_give_in(name, usage):
        raise RefusedError(replies.not_allowed(repo_id, login=invocation.person.login, command=usage.name))
    ctx.runs.works_in = name


async def check_follow_up(run: AgentRun, usage: Usage, invocation: CommandInvocation, ctx: CommandContext) -> None:
    """A follow-up to a run that works in another repository needs what starting one there needs.

    The run's mark is not trusted, but here it can only restrict.

    :raises RefusedError: if the user may not give the command there, or everybody could read the answer
    """
    mark = mark_of(run)
    if invocation.by_token or mark is None or mark.works_in is None:
        return
    if mark.works_in.lower() == invocation.the_repository().lower():
        return
    if not invocation.the_thread().is_private or not await ctx.may_give_in(mark.works_in, usage):
        raise RefusedError(replies.no_follow_up(run.id, login=invocation.person.login, command=usage.name))


async def _name(repo_id: int, ctx: CommandContext) -> str | None:
    return next((each.full_name for each in await ctx.codegen.repositories() if each.id == repo_id), None)
