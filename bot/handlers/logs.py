"""``logs``: what a run did, from its own trace."""

from __future__ import annotations

from bot.codegen.client import PAGE_SIZE
from bot.codegen.models import AgentRun, LogEntry
from bot.commands.logs import Logs
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.which_run import visible_run
from bot.replies import logs as replies
from bot.replies.reply import Reply
from bot.replies.trace import Trace

MOST_PAGES = 5
"""Pages of a hundred entries that one command may read: all commands together have 60 in 60 s."""


async def logs(command: Logs, order: Order, do: Do) -> Reply:
    run = await visible_run(command.run, order, do, example=f"{order.prefix} logs 7")
    trace = await _trace(run, do)
    reply = await do.shaped(replies.logs, run, trace, last=command.last, prefix=order.prefix)
    return reply.holding(trace.entries)


async def _trace(run: AgentRun, do: Do) -> Trace:
    """The log, read from its end."""
    page = await do.codegen.logs_page(run.id, reverse=True)
    newest: list[LogEntry] = [*page.logs]
    total = page.total_logs
    for _ in range(MOST_PAGES - 1):
        if not page.logs or (len(newest) >= total if total is not None else len(page.logs) < PAGE_SIZE):
            break
        page = await do.codegen.logs_page(run.id, skip=len(newest), reverse=True)
        # What was written meanwhile has moved the others on: that many of the page are known already.
        grown = max(0, page.total_logs - total) if page.total_logs is not None and total is not None else 0
        newest += page.logs[grown:]
    return Trace(newest[::-1], max(total or 0, len(newest)), run.created_at)
