"""``repos``: the repositories that Codegen knows."""

from __future__ import annotations

from bot.commands.repos import Repos
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies import repos as replies
from bot.replies.reply import Reply


async def repos(command: Repos, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    repositories = await do.codegen.repositories()
    return (await do.shaped(replies.repos, repositories, here=order.home or "")).holding(repositories)
