"""Where an order was given, for the agent's prompt."""

from __future__ import annotations

import hashlib

from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies.prompts import TITLE_LIMIT, Place
from bot.repository_config.prompts import fill, placeholders


def words_of(prompt: str, order: Order, place: Place) -> str:
    """What the agent is asked to do: the person's own words, or the repository's for its named prompt."""
    named = order.named
    if named is None:
        return prompt
    filled = fill(
        named.template,
        title=" ".join(place.thread.title.split())[:TITLE_LIMIT] if place.thread else "",
        link=place.thread.url if place.thread else "",
        branch=place.pull_request.head_branch if place.pull_request else "",
        rest=named.rest,
    )
    # What has no place in the prompt is not lost.
    return f"{filled}\n\n{named.rest}" if named.rest and "rest" not in placeholders(named.template) else filled


async def place_of(order: Order, do: Do) -> Place:
    """The fence must be the same when a crash makes the story be told again, and unguessable by who wrote the texts."""
    secret = f"{order.identity} {order.asked_at.isoformat()} {order.comment.body if order.comment else ''}"
    return Place(
        thread=order.thread,
        repository=order.home,
        comment=order.comment,
        label=order.label.name if order.label else None,
        login=order.person.login,
        pull_request=await do.pull_request(),
        fence=f"=== {hashlib.sha256(secret.encode()).hexdigest()[:20]} ===",
    )
