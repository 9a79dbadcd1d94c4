"""``star``, ``unstar`` and ``starred``: the team's stars, in our store and as a label on the runs' pull requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.commands.labels import labelled_threads, set_labels
from bot.commands.usage import NoArgsCommand, RunCommand, Usage, run_usage
from bot.errors import ErrorKind, UpstreamError
from bot.execution.context import CommandContext
from bot.execution.phrases import ago, count, one_line, pull_request_links, run_link, table
from bot.execution.reply import Reply
from bot.execution.repository_config.model import LabelRole
from bot.execution.resolve_run import check_visible, may_access, visible_run
from bot.execution.run_marks import ThreadKey, location_of, title_of
from bot.storage.models import Star as StoredStar
from bot.text.markers import Stage
from bot.text.untrusted import inline_code

MOST_LOOKED_UP = 20
"""Older runs that one command fetches one by one: all commands together have 60 reads in 30 s."""


class Star(RunCommand):
    USAGE = run_usage("star", "Stars a run for the team; its pull request gets the label `codegen:starred`.")


class Unstar(RunCommand):
    USAGE = run_usage("unstar", "Removes a run's star.")


class Starred(NoArgsCommand):
    USAGE = Usage("starred", "Shows the runs that the team has starred.", read_only=True)


async def star(command: Star, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, ctx)
    threads = await _accessible_threads(run, ctx)
    before = await _starred_before([run.id], threads, ctx)
    await ctx.stars.add(ctx.org_id, run.id, threads=threads, login=ctx.invocation.person.login, at=ctx.now())
    failed = await set_labels(LabelRole.STARRED, threads, ctx, on=True)
    is_listed = ctx.invocation.by_token or await ctx.thread_runs.in_repository([run])
    labelled = pull_request_links([link for link in run.github_pull_requests if location_of(link) in threads])
    labelled = labelled or ", ".join(f"{repository}#{number}" for repository, number in threads)
    return Reply.of(
        Stage.FINISHED,
        f"{run_link(run, capital=True)} is already starred." if before else f"Starred {run_link(run)}.",
        f"The label is on {labelled}." if labelled and not failed else "",
        failed,
        f"All of them: `{ctx.invocation.prefix} starred`"
        if is_listed
        else "It is not known to belong to this repository: `codegen-bot starred` on the command line lists it.",
        run=run,
    )


async def unstar(command: Unstar, ctx: CommandContext) -> Reply:
    if ctx.invocation.label is not None:
        return await _unstar_thread(ctx)
    run = await visible_run(command.run, ctx)
    threads = await _accessible_threads(run, ctx)
    before = await _starred_before([run.id], threads, ctx)
    await ctx.stars.remove(ctx.org_id, [run.id], threads=threads)
    still_starred = {each.run_id for each in await ctx.stars.all(ctx.org_id, repository=ctx.invocation.repository_name)}
    unstarred = [each for each in threads if still_starred.isdisjoint(await ctx.thread_runs.on_thread(*each))]
    failed = await set_labels(LabelRole.STARRED, unstarred, ctx, on=False)
    return _unstarred(before, failed, none=f"Run {run.id} was not starred.")


async def _unstar_thread(ctx: CommandContext) -> Reply:
    """The label stands for all starred runs of the thread."""
    thread = ctx.invocation.require_thread()
    key = (thread.repository, thread.number)
    runs, latest = {*await ctx.thread_runs.on_thread(*key)}, await ctx.thread_runs.latest()
    if latest is not None and latest not in runs:
        await check_visible(await ctx.runs.get(latest), ctx)
        runs.add(latest)
    before = await _starred_before(sorted(runs), [key], ctx)
    await ctx.stars.remove(ctx.org_id, runs, threads=[key])
    return _unstarred(before, none="No run of this thread was starred.")


def _unstarred(removed: Sequence[int], failed: str = "", *, none: str) -> Reply:
    numbers = ", ".join(map(str, removed))
    text = f"Removed the star from run{'s' if len(removed) > 1 else ''} {numbers}." if removed else none
    return Reply(Stage.FINISHED, f"{text}\n\n{failed}".rstrip(), runs=tuple(removed))


async def starred(_command: Starred, ctx: CommandContext) -> Reply:
    stars = await ctx.stars.all(ctx.org_id, repository=ctx.invocation.repository_name)
    # One page of runs, so that the table can describe them.
    known = {run.id: run for run in (await ctx.codegen.runs_page(1)).runs} if stars else {}
    if not ctx.invocation.by_token:
        stars = await _of_repository(stars, known, ctx)
    shown = await ctx.render(all_starred, stars, known, now=ctx.now(), prefix=ctx.invocation.prefix)
    return shown.with_data(stars)


async def _of_repository(
    stars: Sequence[StoredStar], known: dict[int, AgentRun], ctx: CommandContext
) -> list[StoredStar]:
    """Those of runs that are known to belong to the invocation's repository.

    :param known: receives older runs that were fetched; beyond `MOST_LOOKED_UP`, the oldest stars are left out
    """
    for star in [star for star in stars if star.run_id not in known][:MOST_LOOKED_UP]:
        try:
            known[star.run_id] = await ctx.codegen.run(star.run_id)
        except UpstreamError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
    own = await ctx.thread_runs.in_repository([known[star.run_id] for star in stars if star.run_id in known])
    return [star for star in stars if star.run_id in own]


async def _accessible_threads(run: AgentRun, ctx: CommandContext) -> list[ThreadKey]:
    """The threads that show the star and that the invocation can access."""
    return [key for key in await labelled_threads(run, ctx) if await may_access(key[0], ctx)]


_RUN_IDS = TypeAdapter(list[int])


async def _starred_before(run_ids: Sequence[int], threads: Sequence[ThreadKey], ctx: CommandContext) -> list[int]:
    """Those that were starred before this invocation changed anything; a crash in between does not matter."""
    return await ctx.record("starred-before", _RUN_IDS, lambda: ctx.stars.which(ctx.org_id, run_ids, threads=threads))


def all_starred(stars: Sequence[StoredStar], known: Mapping[int, AgentRun], *, now: datetime, prefix: str) -> Reply:
    """:param known: the runs whose details are known"""
    if not stars:
        return Reply(Stage.FINISHED, f"No run is starred yet. `{prefix} star` stars this thread's latest.")
    rows = [_row(star, known.get(star.run_id), now) for star in stars]
    return Reply.of(
        Stage.FINISHED,
        f"{count(len(stars), 'run')} {'is' if len(stars) == 1 else 'are'} starred.",
        table(("run", "starred by", "when", "pull request", "about"), rows),
    )


def _row(star: StoredStar, run: AgentRun | None, now: datetime) -> tuple[str, ...]:
    return (
        run_link(run or AgentRun(id=star.run_id, organization_id=0)),
        inline_code(star.login) if star.login else "",
        ago(star.at, now=now),
        pull_request_links(run.github_pull_requests) if run else "",
        one_line((title_of(run) or "") if run else "", 80),
    )
