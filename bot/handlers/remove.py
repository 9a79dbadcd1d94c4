"""``remove``: takes Codegen off a pull request. Upstream it is a ban by another name, so the label says so too."""

from __future__ import annotations

from bot.commands.labels import LabelRole
from bot.commands.remove import Remove
from bot.handlers.do import Do
from bot.handlers.labels import set_on_threads, threads_of
from bot.handlers.order import Order
from bot.handlers.run_pull_request import flag, run_of_thread
from bot.replies import ban_checks as replies
from bot.replies.reply import Reply


async def remove(command: Remove, order: Order, do: Do) -> Reply:
    run = await run_of_thread(command, order, do)
    await flag(run, do.codegen.remove_from_pr, order)
    failed = await set_on_threads(LabelRole.BAN_CHECKS, threads_of(run), do, on=True)
    return replies.removed(run, failed=failed, prefix=order.prefix)
