"""What is the Codegen organization's own business is not shown where anybody can read it."""

from __future__ import annotations

from bot.errors import UserMistake
from bot.handlers.order import Order
from bot.replies.failures import not_in_public


def check_not_public(order: Order) -> None:
    """:raises UserMistake: where anybody could read the answer"""
    if order.is_public:
        raise UserMistake(not_in_public(order.name))
