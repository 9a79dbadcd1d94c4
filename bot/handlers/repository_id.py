"""``--repo-id``: whether whoever gives an order may have an agent work in that repository, and answer here."""

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
    """Also notes the repository for the mark of the order's runs: what they do there belongs there too.

    Whoever holds the tokens reaches what the tokens reach.

    :param repo_id: Codegen's number of it; None where none was given
    :param usage: of the command
    :raises Refusal: where the person may not give the command there, which also holds where that cannot be found out;
        and where anybody could read what the agent answers
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
    """A follow-up to a run that works in another repository takes what starting one there takes.

    The run's mark is a claim, but it only restricts here.

    :raises Refusal: where the person may not give the command there, or anybody could read the answer
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
