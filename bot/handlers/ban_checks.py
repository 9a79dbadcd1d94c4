"""``ban-checks`` and ``unban-checks``: said to Codegen, and shown by the label."""

from __future__ import annotations

from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.labels import LabelRole
from bot.errors import UserMistake
from bot.handlers.do import Do
from bot.handlers.labels import set_on_threads, threads_of
from bot.handlers.order import Order
from bot.handlers.run_pull_request import flag, of_thread, run_of_thread
from bot.replies import ban_checks as replies
from bot.replies.reply import Reply


async def ban_checks(command: BanChecks, order: Order, do: Do) -> Reply:
    run = await run_of_thread(command, order, do)
    if order.label is not None and order.thread.is_pull_request and of_thread(run, order.thread) is None:
        # The label would say of this pull request what is true of another one only.
        raise UserMistake(replies.none_of_this(prefix=order.prefix))
    await flag(run, do.codegen.ban_checks, order)
    failed = await set_on_threads(LabelRole.BAN_CHECKS, threads_of(run), do, on=True)
    return replies.banned(run, failed=failed, prefix=order.prefix)


async def unban_checks(command: UnbanChecks, order: Order, do: Do) -> Reply:
    run = await run_of_thread(command, order, do)
    await flag(run, do.codegen.unban_checks, order)
    # An issue may carry the label too: it was banned from there.
    threads = dict.fromkeys([*threads_of(run), (order.thread.repository, order.thread.number)])
    failed = await set_on_threads(LabelRole.BAN_CHECKS, [*threads], do, on=False)
    return replies.unbanned(run, failed=failed, prefix=order.prefix)
