"""``runs``: the latest runs of the repository; for the holder of the tokens, of the organization."""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.commands.runs import ListRuns
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.run_marks import mark_of, threads_of
from bot.replies.list_runs import Listed, latest_runs
from bot.replies.reply import Reply

MOST_PAGES = 3
"""Pages of a hundred runs that one command may read: all commands together have 60 reads in 30 s."""


async def list_runs(command: ListRuns, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    found: dict[int, AgentRun] = {}
    searched = total = 0
    matching: list[AgentRun] = []
    for number in range(1, MOST_PAGES + 1):
        page = await ctx.codegen.runs_page(number)
        searched, total = searched + len(page.runs), page.total
        # Keyed by id: a run started meanwhile shifts the pages, so that one comes twice.
        found |= {run.id: run for run in await _listed(page.runs, invocation, ctx)}
        matching = [run for run in found.values() if command.status in {None, run.state}]
        if len(matching) >= command.limit or not page.runs or searched >= total:
            break
    runs = matching[: command.limit]
    shown = await ctx.shaped(
        latest_runs,
        runs,
        listed=Listed(
            whose="The organization" if invocation.by_token else "This repository",
            status=command.status,
            found=len(found),
            is_all=searched >= total,
            has_more=len(matching) > len(runs),
        ),
        here=await _on_thread(runs, invocation, ctx),
        asked_by={run.id: mark.login for run in runs if (mark := mark_of(run)) and mark.login},
        now=ctx.now(),
        prefix=invocation.prefix,
    )
    return shown.holding(runs)


async def _listed(runs: tuple[AgentRun, ...], invocation: CommandInvocation, ctx: CommandContext) -> list[AgentRun]:
    """Those that may be listed here; of others not even the id is shown."""
    if invocation.by_token:
        return [*runs]
    here = await ctx.thread_runs.here(runs)
    return [run for run in runs if run.id in here]


async def _on_thread(runs: list[AgentRun], invocation: CommandInvocation, ctx: CommandContext) -> set[int]:
    if invocation.thread is None:
        return set()
    repository, number = invocation.thread.repository, invocation.thread.number
    worked_on = {run.id for run in runs if (repository.lower(), number) in threads_of(run)}
    return {*await ctx.thread_runs.of(repository, number), *worked_on}
