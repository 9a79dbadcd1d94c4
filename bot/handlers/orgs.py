"""``orgs``: the Codegen organizations that the bot's token sees."""

from __future__ import annotations

from bot.commands.orgs import Orgs
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.public_thread import check_not_public
from bot.replies import orgs as replies
from bot.replies.reply import Reply


async def orgs(command: Orgs, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    check_not_public(order)
    organizations = await do.codegen.organizations()
    return (await do.shaped(replies.orgs, organizations, own=do.org_id)).holding(organizations)
