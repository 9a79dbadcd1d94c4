"""``cancel``: what can be stopped of a run, and how. It stops nothing itself."""

from __future__ import annotations

from bot.commands.cancel import Cancel
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.which_run import visible_run
from bot.replies.pull_requests import how_to_stop
from bot.replies.reply import Reply


async def cancel(command: Cancel, order: Order, do: Do) -> Reply:
    run = await visible_run(command.run, order, do, example=f"{order.prefix} cancel 7")
    return how_to_stop(run, prefix=order.prefix)
