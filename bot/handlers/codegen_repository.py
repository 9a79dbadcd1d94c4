"""The order's repository as Codegen knows it."""

from __future__ import annotations

from bot.codegen.models import Repository
from bot.errors import UserMistake
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies.checks import repository_not_known


async def codegen_repository(order: Order, do: Do) -> Repository:
    """:raises UserMistake: where Codegen does not have it, or none is named."""
    repository_name = order.the_repository()
    name = repository_name.lower()
    for repository in await do.codegen.repositories():
        if repository.full_name.lower() == name:
            return repository
    raise UserMistake(repository_not_known(repository_name))
