"""``star``, ``unstar``, ``starred``: the team's marks, in our store and as a label on the runs' pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter

from bot.commands.labels import LabelRole
from bot.commands.star import Star, Starred, Unstar
from bot.handlers.do import Do
from bot.handlers.labels import homes_of, set_on_threads
from bot.handlers.order import Order
from bot.handlers.which_run import visible_run
from bot.replies import stars as replies
from bot.replies.reply import Reply

_RUN_IDS = TypeAdapter(list[int])


async def star(command: Star, order: Order, do: Do) -> Reply:
    run = await visible_run(command.run, order, do, example=f"{order.prefix} star 7")
    homes = await homes_of(run, do)
    before = await _before([run.id], homes, do)
    await do.stars.add(do.org_id, run.id, threads=homes, login=order.person.login, at=do.now())
    failed = await set_on_threads(LabelRole.STARRED, homes, do, on=True)
    return replies.starred(run, homes, is_new=not before, failed=failed, prefix=order.prefix)


async def unstar(command: Unstar, order: Order, do: Do) -> Reply:
    if order.label is not None:
        # The label stands for all starred runs of the thread.
        thread = (order.the_thread().repository, order.the_thread().number)
        run_ids = await do.thread_runs.of(*thread)
        latest = await do.thread_runs.latest()
        runs = {*run_ids, *([latest] if latest else [])}
        before = await _before(sorted(runs), [thread], do)
        await do.stars.remove(do.org_id, runs, threads=[thread])
        return replies.unstarred(before, failed=[])
    run = await visible_run(command.run, order, do, example=f"{order.prefix} unstar 7")
    homes = await homes_of(run, do)
    before = await _before([run.id], homes, do)
    await do.stars.remove(do.org_id, [run.id], threads=homes)
    still_starred = {each.run_id for each in await do.stars.all(do.org_id, repository=order.home)}
    bare = [each for each in homes if still_starred.isdisjoint(await do.thread_runs.of(*each))]
    failed = await set_on_threads(LabelRole.STARRED, bare, do, on=False)
    return replies.unstarred(before, failed=failed, asked=run.id)


async def starred(command: Starred, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    stars = await do.stars.all(do.org_id, repository=order.home)
    # One page of runs, so that the table can say what they are; older ones keep their number and link.
    known = {run.id: run for run in (await do.codegen.runs_page(1)).runs} if stars else {}
    shown = await do.shaped(replies.all_starred, stars, known, now=do.now(), prefix=order.prefix)
    return shown.holding(stars)


async def _before(run_ids: Sequence[int], threads: Sequence[tuple[str, int]], do: Do) -> list[int]:
    """Those that were starred before this order did anything: also where a crash came in the middle of it."""
    return await do.runs.settled(
        "starred-before", _RUN_IDS, lambda: do.stars.which(do.org_id, run_ids, threads=threads)
    )
