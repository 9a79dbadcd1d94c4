"""``logs``: the latest log entries of an agent run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.codegen.models import PAGE_SIZE, AgentRun, LogEntry
from bot.commands.usage import Flag, Flags, ParseError, Usage, first_line, number_flag, split_run
from bot.execution.context import CommandContext
from bot.execution.phrases import run_link, with_pull_requests
from bot.execution.reply import Reply
from bot.execution.resolve_run import visible_run
from bot.execution.trace import Trace, condensed
from bot.text.markers import Stage

MOST_ENTRIES = 100
DEFAULT_ENTRIES = 20

MOST_PAGES = 5
"""Pages of a hundred entries that one command may read: all commands together have 60 in 60 s."""

_LAST = re.compile(r"(?:--last|[—–]last|-n)(?:[ \t]+|=)(\S+)")  # noqa: RUF001 - phones turn hyphens into dashes


@dataclass(frozen=True, slots=True)
class Logs:
    """:param run: the run's id; None: the thread's latest
    :param last: how many of its log's entries to show, up to `MOST_ENTRIES`
    """

    USAGE: ClassVar[Usage] = Usage(
        "logs",
        "Shows what a run did: errors, tools, last thoughts, its answer and the end of its log.",
        flags=(
            Flag("--last", "-n", "N", f"How many log entries, 1 to {MOST_ENTRIES}; the default is {DEFAULT_ENTRIES}."),
        ),
        arguments="[RUN]",
        example_arguments="7 --last 50",
        read_only=True,
    )

    run: int | None = None
    last: int = DEFAULT_ENTRIES

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:
        """:raises ParseError: if the run's id or the flag's value is invalid"""
        run, more = split_run(first_line(rest))
        given = [*flags.get("--last", ())]
        # Unlike other flags, this one may follow the run's id.
        if found := _LAST.fullmatch(more):
            given.append(found[1])
        elif more:
            raise ParseError("`logs` takes a run number and `--last N`, and nothing else.")
        if len(given) > 1:
            raise ParseError("`--last` was given twice.")
        return cls(run, number_flag({"--last": given}, "--last", 1, MOST_ENTRIES) or DEFAULT_ENTRIES)


async def logs(command: Logs, ctx: CommandContext) -> Reply:
    run = await visible_run(command.run, ctx)
    trace = await _trace(run, ctx)
    reply = await ctx.render(logs_reply, run, trace, last=command.last, prefix=ctx.invocation.prefix)
    return reply.with_data(trace.entries)


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


def logs_reply(run: AgentRun, trace: Trace, *, last: int, prefix: str) -> Reply:
    """The reply's marker names no run, because showing a run does not make it this thread's.

    :param last: how many log entries were requested
    """
    entries = (
        "1 log entry" if trace.total == 1 else f"{trace.total} log entries" if trace.total else "nothing logged yet"
    )
    known = len(trace.entries)
    return Reply.of(
        Stage.FINISHED,
        f"{run_link(run, capital=True)}: `{run.state}`, {entries}{with_pull_requests(run)}.",
        f"Only the newest {known} entries were read." if known < trace.total else "",
        condensed(trace, last=last, result=run.result if run.finished else None),
        f"More of the log: `{prefix} logs {run.id} --last {MOST_ENTRIES}`" if last < min(known, MOST_ENTRIES) else "",
    )
