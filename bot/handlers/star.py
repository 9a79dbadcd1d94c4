"""``star``, ``unstar``, ``starred``: the team's stars, in our store and as a label on the runs' pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.commands.labels import LabelRole
from bot.commands.star import Star, Starred, Unstar
from bot.errors import ErrorKind, UpstreamError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.labels import homes_of, set_on_threads
from bot.handlers.pull_request_location import location_of
from bot.handlers.resolve_run import check_visible, reaches, visible_run
from bot.handlers.run_marks import Place
from bot.replies import stars as replies
from bot.replies.reply import Reply
from bot.store.models import Star as Starring

MOST_LOOKED_UP = 20
"""Older runs that one command fetches one by one: all commands together have 60 reads in 30 s."""

_RUN_IDS = TypeAdapter(list[int])


async def star(command: Star, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, invocation, ctx, example=f"{invocation.prefix} star 7")
    homes = await _homes(run, invocation, ctx)
    before = await _before([run.id], homes, ctx)
    await ctx.stars.add(ctx.org_id, run.id, threads=homes, login=invocation.person.login, at=ctx.now())
    failed = await set_on_threads(LabelRole.STARRED, homes, ctx, on=True)
    links = [link for link in run.github_pull_requests if location_of(link) in homes]
    is_listed = invocation.by_token or bool(await ctx.thread_runs.here([run]))
    return replies.starred(
        run, homes, links, is_new=not before, is_listed=is_listed, failed=failed, prefix=invocation.prefix
    )


async def unstar(command: Unstar, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    if invocation.label is not None:
        # The label stands for all starred runs of the thread.
        thread = (invocation.the_thread().repository, invocation.the_thread().number)
        runs = {*await ctx.thread_runs.of(*thread)}
        latest = await ctx.thread_runs.latest()
        if latest is not None and latest not in runs:
            await check_visible(await ctx.runs.get(latest), invocation, ctx)
            runs.add(latest)
        before = await _before(sorted(runs), [thread], ctx)
        await ctx.stars.remove(ctx.org_id, runs, threads=[thread])
        return replies.unstarred(before, failed=[])
    run = await visible_run(command.run, invocation, ctx, example=f"{invocation.prefix} unstar 7")
    homes = await _homes(run, invocation, ctx)
    before = await _before([run.id], homes, ctx)
    await ctx.stars.remove(ctx.org_id, [run.id], threads=homes)
    still_starred = {each.run_id for each in await ctx.stars.all(ctx.org_id, repository=invocation.home)}
    bare = [each for each in homes if still_starred.isdisjoint(await ctx.thread_runs.of(*each))]
    failed = await set_on_threads(LabelRole.STARRED, bare, ctx, on=False)
    return replies.unstarred(before, failed=failed, asked=run.id)


async def starred(command: Starred, invocation: CommandInvocation, ctx: CommandContext) -> Reply:  # noqa: ARG001 - a handler like the others
    stars = await ctx.stars.all(ctx.org_id, repository=invocation.home)
    # One page of runs, so that the table can describe them.
    known = {run.id: run for run in (await ctx.codegen.runs_page(1)).runs} if stars else {}
    if not invocation.by_token:
        stars = await _of_repository(stars, known, ctx)
    shown = await ctx.shaped(replies.all_starred, stars, known, now=ctx.now(), prefix=invocation.prefix)
    return shown.holding(stars)


async def _of_repository(stars: Sequence[Starring], known: dict[int, AgentRun], ctx: CommandContext) -> list[Starring]:
    """Those of runs that are known to belong to the invocation's repository.

    :param known: receives older runs that were fetched; beyond `MOST_LOOKED_UP`, the oldest stars are left out
    """
    for star in [star for star in stars if star.run_id not in known][:MOST_LOOKED_UP]:
        try:
            known[star.run_id] = await ctx.codegen.run(star.run_id)
        except UpstreamError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
    here = await ctx.thread_runs.here([known[star.run_id] for star in stars if star.run_id in known])
    return [star for star in stars if star.run_id in here]


async def _homes(run: AgentRun, invocation: CommandInvocation, ctx: CommandContext) -> list[Place]:
    """The threads that show the star and that the invocation can access."""
    return [place for place in await homes_of(run, ctx) if await reaches(place[0], invocation, ctx)]


async def _before(run_ids: Sequence[int], threads: Sequence[tuple[str, int]], ctx: CommandContext) -> list[int]:
    """Those that were starred before this invocation changed anything; a crash in between does not matter."""
    return await ctx.runs.settled(
        "starred-before", _RUN_IDS, lambda: ctx.stars.which(ctx.org_id, run_ids, threads=threads)
    )
