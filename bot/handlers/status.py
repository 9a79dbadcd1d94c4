"""``status``: how a run is."""

from __future__ import annotations

from bot.commands.status import Status
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.which_run import visible_run
from bot.replies import runs
from bot.replies.reply import Reply


async def status(command: Status, order: Order, do: Do) -> Reply:
    run = await visible_run(command.run, order, do, example=f"{order.prefix} status 7")
    seconds = (do.now() - run.created_at).total_seconds() if run.created_at else None
    return (await do.shaped(runs.status, run, seconds=seconds, prefix=order.prefix)).holding(run)
