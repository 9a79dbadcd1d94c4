"""``confirm``: the second word of whoever asked for something large."""

from __future__ import annotations

from bot.commands.confirm import Confirm
from bot.errors import UserMistake
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies import multi_run as replies
from bot.replies.reply import Reply


async def confirm(command: Confirm, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    order.the_thread()
    identities = await do.confirm()
    if not identities:
        raise UserMistake(replies.nothing_waits(order.person.login))
    return replies.confirmed(identities)
