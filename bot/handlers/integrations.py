"""``integrations``: what the Codegen organization is connected to."""

from __future__ import annotations

from bot.commands.integrations import Integrations
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.public_thread import check_not_public
from bot.replies import integrations as replies
from bot.replies.reply import Reply


async def integrations(command: Integrations, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    check_not_public(order)
    found = await do.codegen.integrations()
    return (await do.shaped(replies.integrations, found)).holding(found)
