"""``star``, ``unstar``, ``starred``: the team's marks, in our store and as a label on the runs' pull requests."""

from __future__ import annotations

from bot.commands.labels import LabelRole
from bot.commands.star import Star, Starred, Unstar
from bot.handlers.do import Do
from bot.handlers.labels import set_on_threads, threads_of
from bot.handlers.order import Order
from bot.handlers.which_run import visible_run
from bot.replies import stars as replies
from bot.replies.reply import Reply


async def star(command: Star, order: Order, do: Do) -> Reply:
    run = await visible_run(command.run, order, do, example=f"{order.prefix} star 7")
    is_new = await do.stars.add(do.org_id, run.id, login=order.person.login, at=do.now())
    failed = await set_on_threads(LabelRole.STARRED, threads_of(run), do, on=True)
    return replies.starred(run, is_new=is_new, failed=failed, prefix=order.prefix)


async def unstar(command: Unstar, order: Order, do: Do) -> Reply:
    thread = (order.thread.repository, order.thread.number)
    if order.label is not None:
        # The label stands for all starred runs of the thread.
        run_ids = await do.runs.of_thread(*thread)
        latest = await do.runs.latest()
        removed = await do.stars.remove(do.org_id, {*run_ids, *([latest] if latest else [])})
        return replies.unstarred(removed, failed=[])
    run = await visible_run(command.run, order, do, example=f"{order.prefix} unstar 7")
    removed = await do.stars.remove(do.org_id, [run.id])
    still_starred = {each.run_id for each in await do.stars.all(do.org_id)}
    bare = [each for each in threads_of(run) if still_starred.isdisjoint(await do.runs.of_thread(*each))]
    failed = await set_on_threads(LabelRole.STARRED, bare, do, on=False)
    return replies.unstarred(removed, failed=failed, asked=run.id)


async def starred(command: Starred, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    stars = await do.stars.all(do.org_id)
    # One page of runs, so that the table can say what they are; older ones keep their number and link.
    known = {run.id: run for run in (await do.codegen.runs_page(1)).runs} if stars else {}
    return replies.all_starred(stars, known, now=do.now(), prefix=order.prefix)
