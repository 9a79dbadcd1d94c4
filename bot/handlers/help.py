"""``help``: what can be said here, and by whom."""

from __future__ import annotations

from bot.commands.help import Help
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies import help as help_texts
from bot.replies.reply import Reply


async def help_(command: Help, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    if command.name is None:
        return help_texts.overview(prefix=order.prefix)
    return help_texts.of(command.name, prefix=order.prefix)
