"""``repos``: the repositories that Codegen knows."""

from __future__ import annotations

from bot.commands.repos import Repos
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies import repos as replies
from bot.replies.reply import Reply


async def repos(command: Repos, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    repositories = await do.codegen.repositories()
    here = order.home or ""
    if order.is_public:
        own = next((each for each in repositories if each.full_name.lower() == here.lower()), None)
        return replies.repo(own, here=here).holding([own] if own else [])
    return (await do.shaped(replies.repos, repositories, here=here)).holding(repositories)
