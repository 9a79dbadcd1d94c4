"""``star``, ``unstar``, ``starred``: the team's marks, in our store and as a label on the runs' pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.commands.labels import LabelRole
from bot.commands.star import Star, Starred, Unstar
from bot.errors import Kind, UpstreamError
from bot.handlers.do import Do
from bot.handlers.labels import homes_of, set_on_threads
from bot.handlers.order import Order
from bot.handlers.pull_request_location import location_of
from bot.handlers.run_marks import Place
from bot.handlers.which_run import check_visible, reaches, visible_run
from bot.replies import stars as replies
from bot.replies.reply import Reply
from bot.store.models import Star as Starring

MOST_LOOKED_UP = 20
"""Older runs that one command reads one by one: all commands together have 60 reads in 30 s."""

_RUN_IDS = TypeAdapter(list[int])


async def star(command: Star, order: Order, do: Do) -> Reply:
    run = await visible_run(command.run, order, do, example=f"{order.prefix} star 7")
    homes = await _homes(run, order, do)
    before = await _before([run.id], homes, do)
    await do.stars.add(do.org_id, run.id, threads=homes, login=order.person.login, at=do.now())
    failed = await set_on_threads(LabelRole.STARRED, homes, do, on=True)
    links = [link for link in run.github_pull_requests if location_of(link) in homes]
    is_listed = order.by_token or bool(await do.thread_runs.here([run]))
    return replies.starred(
        run, homes, links, is_new=not before, is_listed=is_listed, failed=failed, prefix=order.prefix
    )


async def unstar(command: Unstar, order: Order, do: Do) -> Reply:
    if order.label is not None:
        # The label stands for all starred runs of the thread.
        thread = (order.the_thread().repository, order.the_thread().number)
        runs = {*await do.thread_runs.of(*thread)}
        latest = await do.thread_runs.latest()
        if latest is not None and latest not in runs:
            await check_visible(await do.runs.get(latest), order, do)
            runs.add(latest)
        before = await _before(sorted(runs), [thread], do)
        await do.stars.remove(do.org_id, runs, threads=[thread])
        return replies.unstarred(before, failed=[])
    run = await visible_run(command.run, order, do, example=f"{order.prefix} unstar 7")
    homes = await _homes(run, order, do)
    before = await _before([run.id], homes, do)
    await do.stars.remove(do.org_id, [run.id], threads=homes)
    still_starred = {each.run_id for each in await do.stars.all(do.org_id, repository=order.home)}
    bare = [each for each in homes if still_starred.isdisjoint(await do.thread_runs.of(*each))]
    failed = await set_on_threads(LabelRole.STARRED, bare, do, on=False)
    return replies.unstarred(before, failed=failed, asked=run.id)


async def starred(command: Starred, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    stars = await do.stars.all(do.org_id, repository=order.home)
    # One page of runs, so that the table can say what they are.
    known = {run.id: run for run in (await do.codegen.runs_page(1)).runs} if stars else {}
    if not order.by_token:
        stars = await _of_repository(stars, known, do)
    shown = await do.shaped(replies.all_starred, stars, known, now=do.now(), prefix=order.prefix)
    return shown.holding(stars)


async def _of_repository(stars: Sequence[Starring], known: dict[int, AgentRun], do: Do) -> list[Starring]:
    """Those of runs that are known to belong to the order's repository.

    :param known: takes older runs that were looked up; of more than `MOST_LOOKED_UP`, the oldest stars are left out
    """
    for star in [star for star in stars if star.run_id not in known][:MOST_LOOKED_UP]:
        try:
            known[star.run_id] = await do.codegen.run(star.run_id)
        except UpstreamError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
    here = await do.thread_runs.here([known[star.run_id] for star in stars if star.run_id in known])
    return [star for star in stars if star.run_id in here]


async def _homes(run: AgentRun, order: Order, do: Do) -> list[Place]:
    """Where the star is shown, of the threads that the order reaches."""
    return [place for place in await homes_of(run, do) if await reaches(place[0], order, do)]


async def _before(run_ids: Sequence[int], threads: Sequence[tuple[str, int]], do: Do) -> list[int]:
    """Those that were starred before this order did anything: also where a crash came in the middle of it."""
    return await do.runs.settled(
        "starred-before", _RUN_IDS, lambda: do.stars.which(do.org_id, run_ids, threads=threads)
    )
