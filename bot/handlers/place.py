"""Where an order was given, for the agent's prompt."""

from __future__ import annotations

from bot.handlers.do import Do
from bot.handlers.needed import is_lowered
from bot.handlers.order import Order
from bot.replies.prompts import Place
from bot.repository_config.prompts import fill


def words_of(prompt: str, order: Order, place: Place) -> str:
    """What the agent is asked to do: the person's own words, or the repository's for its named prompt.

    Whoever opens a pull request chooses its title and its branch, so a named prompt only refers to them.
    """
    if order.named is None:
        return prompt
    filled = fill(
        order.named.template,
        title="[the title, quoted below]" if place.thread else "",
        link=place.thread.url if place.thread else "",
        branch="[the branch, quoted below]" if place.pull_request else "",
        rest=order.named.rest,
    )
    return filled.strip()


async def place_of(order: Order, do: Do) -> Place:
    return Place(
        thread=order.thread,
        repository=order.home,
        comment=order.comment,
        label=order.label.name if order.label else None,
        login=order.person.login,
        prompt_name=order.named.name if order.named is not None and is_lowered(order, do.config) else None,
        pull_request=await do.pull_request(),
    )
