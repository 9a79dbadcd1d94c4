"""``ban-checks``, ``unban-checks`` and ``remove``: said to Codegen, and shown by the label."""

from __future__ import annotations

from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.labels import LabelRole
from bot.commands.remove import Remove
from bot.errors import UserMistake
from bot.handlers.do import Do
from bot.handlers.labels import set_on_threads
from bot.handlers.order import Order
from bot.handlers.run_marks import threads_of
from bot.handlers.run_pull_request import flag, of_thread, run_of_thread
from bot.replies import pull_requests as replies
from bot.replies.reply import Reply
from bot.replies.run_pull_request import none_of_this


async def ban_checks(command: BanChecks, order: Order, do: Do) -> Reply:
    run = await run_of_thread(command, order, do)
    thread = order.thread
    is_here = thread is None or not thread.is_pull_request or of_thread(run, thread) is not None
    if order.label is not None and run.github_pull_requests and not is_here:
        # The label would say of this pull request what is true of another one only.
        raise UserMistake(none_of_this(run, prefix=order.prefix))
    await flag(run, do.codegen.ban_checks, order)
    failed = await set_on_threads(LabelRole.BAN_CHECKS, threads_of(run), do, on=True)
    return replies.banned(run, failed=failed, prefix=order.prefix)


async def unban_checks(command: UnbanChecks, order: Order, do: Do) -> Reply:
    run = await run_of_thread(command, order, do)
    await flag(run, do.codegen.unban_checks, order)
    # An issue may carry the label too: it was banned from there.
    here = [(order.thread.repository, order.thread.number)] if order.thread else []
    threads = dict.fromkeys([*threads_of(run), *here])
    failed = await set_on_threads(LabelRole.BAN_CHECKS, [*threads], do, on=False)
    return replies.unbanned(run, failed=failed, prefix=order.prefix)


async def remove(command: Remove, order: Order, do: Do) -> Reply:
    """Upstream it is a ban by another name, so the label says so too."""
    run = await run_of_thread(command, order, do)
    await flag(run, do.codegen.remove_from_pr, order)
    failed = await set_on_threads(LabelRole.BAN_CHECKS, threads_of(run), do, on=True)
    return replies.removed(run, failed=failed, prefix=order.prefix)
