"""``cancel``: what can be stopped of a run, and how. It stops nothing itself."""

from __future__ import annotations

from bot.commands.cancel import Cancel
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.run_pull_request import is_in
from bot.handlers.which_run import which_run
from bot.replies import cancel as replies
from bot.replies.reply import Reply


async def cancel(command: Cancel, order: Order, do: Do) -> Reply:
    run = await do.runs.get(await which_run(command.run, order, do, example=f"{order.prefix} cancel 7"))
    is_here = any(is_in(order.thread, link) for link in run.github_pull_requests)
    return replies.what_can_be_stopped(run, is_here=is_here, prefix=order.prefix)
