"""``runs``: the organization's latest runs."""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.commands.runs import ListRuns
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.run_marks import mark_of, threads_of
from bot.replies.list_runs import latest_runs
from bot.replies.reply import Reply

MOST_PAGES = 3
"""Pages of a hundred runs that one command may read: all commands together have 60 reads in 30 s."""


async def list_runs(command: ListRuns, order: Order, do: Do) -> Reply:
    found: dict[int, AgentRun] = {}
    searched = total = 0
    for number in range(1, MOST_PAGES + 1):
        page = await do.codegen.runs_page(number)
        searched, total = searched + len(page.runs), page.total
        # By their ids: a run that began meanwhile has moved the others on, and one comes twice.
        found |= {run.id: run for run in page.runs if command.status in {None, run.state}}
        if len(found) >= command.limit or not page.runs or searched >= total:
            break
    runs = [*found.values()][: command.limit]
    here: set[int] = set()
    if order.thread is not None:
        thread = (order.thread.repository, order.thread.number)
        here = {*await do.thread_runs.of(*thread), *(run.id for run in runs if thread in threads_of(run))}
    shown = await do.shaped(
        latest_runs,
        runs,
        status=command.status,
        more=len(found) > len(runs),
        searched=searched,
        total=total,
        here=here,
        asked_by={run.id: mark.login for run in runs if (mark := mark_of(run)) and mark.login},
        now=do.now(),
        prefix=order.prefix,
    )
    return shown.holding(runs)
