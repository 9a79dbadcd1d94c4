"""``keep``: selects one attempt of a multi-run, and closes the pull requests of the others."""

from __future__ import annotations

from bot.codegen.models import AgentRun, RunPullRequest
from bot.commands.keep import Keep
from bot.errors import UpstreamError, UserError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.resolve_run import check_changeable
from bot.replies import multi_run as replies
from bot.replies.failures import sentence
from bot.replies.multi_run import Closing
from bot.replies.phrases import pull_request_links
from bot.replies.reply import Reply


async def keep(command: Keep, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run_ids = await ctx.thread_runs.latest_multi_run()
    if not run_ids:
        raise UserError(replies.nothing_to_keep(prefix=invocation.prefix))
    runs = [await ctx.codegen.run(run_id) for run_id in run_ids]
    for run in runs:
        await check_changeable(run, invocation, ctx)
    attempts = {number: run for run in runs if (number := _index(run)) is not None}
    synthesis = next((run for run in runs if (run.metadata or {}).get("multi_run_synthesis")), None)
    name = "synthesis" if command.attempt is None else f"attempt {command.attempt}"
    chosen = synthesis if command.attempt is None else attempts.get(command.attempt)
    if chosen is None:
        raise UserError(replies.no_such_attempt(name, sorted(attempts)))
    await ctx.show(replies.keeping(name, chosen))
    others = [run for run in attempts.values() if run.id != chosen.id]
    closings = [await _close(link, ctx) for run in others for link in run.github_pull_requests]
    return await ctx.shaped(replies.kept, name, chosen, closings)


def _index(run: AgentRun) -> int | None:
    number = (run.metadata or {}).get("multi_run_index")
    return number if isinstance(number, int) else None


async def _close(link: RunPullRequest, ctx: CommandContext) -> Closing:
    shown = pull_request_links([link]) or f"pull request {link.id} of Codegen"
    try:
        edited = await ctx.codegen.edit_pull_request(link.id, "closed")
    except UpstreamError as error:
        return Closing(link=shown, problem=sentence(error))
    if edited.success:
        return Closing(link=shown)
    return Closing(link=shown, problem=await ctx.shaped(replies.refused_closing, edited.error))
