"""``users``: the people of the Codegen organization."""

from __future__ import annotations

from bot.commands.users import Users
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.public_thread import check_not_public
from bot.replies import users as replies
from bot.replies.reply import Reply


async def users(command: Users, order: Order, do: Do) -> Reply:
    check_not_public(order)
    if command.user is not None:
        user = await do.codegen.user(command.user)
        return replies.user(user, org_id=do.org_id).holding(user)
    everybody = await do.codegen.users()
    return (await do.shaped(replies.users, everybody, org_id=do.org_id)).holding(everybody)
