"""Where an order was given, for the agent's prompt."""

from __future__ import annotations

import hashlib

from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies.prompts import Place


async def place_of(order: Order, do: Do) -> Place:
    """The fence must be the same when a crash makes the story be told again, and unguessable by who wrote the texts."""
    secret = f"{order.identity} {order.asked_at.isoformat()} {order.comment.body if order.comment else ''}"
    return Place(
        thread=order.thread,
        comment=order.comment,
        label=order.label.name if order.label else None,
        login=order.person.login,
        pull_request=await do.pull_request(),
        fence=f"=== {hashlib.sha256(secret.encode()).hexdigest()[:20]} ===",
    )
