"""``logs``: the actions of a run, from its trace."""

from __future__ import annotations

from bot.codegen.client import PAGE_SIZE
from bot.codegen.models import AgentRun, LogEntry
from bot.commands.logs import Logs
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.resolve_run import visible_run
from bot.replies import logs as replies
from bot.replies.reply import Reply
from bot.replies.trace import Trace

MOST_PAGES = 5
"""Pages of a hundred entries that one command may read: all commands together have 60 in 60 s."""


async def logs(command: Logs, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, invocation, ctx, example=f"{invocation.prefix} logs 7")
    trace = await _trace(run, ctx)
    reply = await ctx.shaped(replies.logs, run, trace, last=command.last, prefix=invocation.prefix)
    return reply.holding(trace.entries)


async def _trace(run: AgentRun, ctx: CommandContext) -> Trace:
    """The log, read from its end."""
    page = await ctx.codegen.logs_page(run.id, reverse=True)
    newest: list[LogEntry] = [*page.logs]
    total = page.total_logs
    for _ in range(MOST_PAGES - 1):
        if not page.logs or (len(newest) >= total if total is not None else len(page.logs) < PAGE_SIZE):
            break
        page = await ctx.codegen.logs_page(run.id, skip=len(newest), reverse=True)
        # Entries written meanwhile shift the pages: that many of this page are known already.
        grown = max(0, page.total_logs - total) if page.total_logs is not None and total is not None else 0
        newest += page.logs[grown:]
    return Trace(newest[::-1], max(total or 0, len(newest)), run.created_at)
