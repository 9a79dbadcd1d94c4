"""``ban-checks``, ``unban-checks`` and ``remove``: set at Codegen, and shown by a label."""

from __future__ import annotations

from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.labels import LabelRole
from bot.commands.remove import Remove
from bot.errors import UserError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.labels import set_on_threads
from bot.handlers.run_marks import threads_of
from bot.handlers.run_pull_request import flag, of_thread, run_of_thread
from bot.replies import pull_requests as replies
from bot.replies.reply import Reply
from bot.replies.run_pull_request import none_of_this


async def ban_checks(command: BanChecks, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run = await run_of_thread(command, invocation, ctx)
    thread = invocation.thread
    is_here = thread is None or not thread.is_pull_request or of_thread(run, thread) is not None
    if invocation.label is not None and run.github_pull_requests and not is_here:
        # The label would mark this pull request, although only another one is banned.
        raise UserError(none_of_this(run, prefix=invocation.prefix))
    await flag(run, ctx.codegen.ban_checks, invocation)
    failed = await set_on_threads(LabelRole.BAN_CHECKS, threads_of(run), ctx, on=True)
    return replies.banned(run, failed=failed, prefix=invocation.prefix)


async def unban_checks(command: UnbanChecks, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    run = await run_of_thread(command, invocation, ctx)
    await flag(run, ctx.codegen.unban_checks, invocation)
    # An issue may carry the label too, if the ban was requested there.
    here = [(invocation.thread.repository, invocation.thread.number)] if invocation.thread else []
    threads = dict.fromkeys([*threads_of(run), *here])
    failed = await set_on_threads(LabelRole.BAN_CHECKS, [*threads], ctx, on=False)
    return replies.unbanned(run, failed=failed, prefix=invocation.prefix)


async def remove(command: Remove, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    """Upstream this is a ban under another name, so it sets the same label."""
    run = await run_of_thread(command, invocation, ctx)
    await flag(run, ctx.codegen.remove_from_pr, invocation)
    failed = await set_on_threads(LabelRole.BAN_CHECKS, threads_of(run), ctx, on=True)
    return replies.removed(run, failed=failed, prefix=invocation.prefix)
