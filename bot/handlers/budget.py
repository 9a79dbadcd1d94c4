"""The repository's budgets: agent runs a day, for each person, thread and the whole repository."""

from __future__ import annotations

from datetime import timedelta

from bot.errors import Refusal
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies.failures import over_budget


async def spend(runs: int, order: Order, do: Do) -> None:
    """Counts so many agent runs for the order, once.

    :raises Refusal: where a limit of the config file would be passed; nothing is counted then
    """
    over = await do.spend(runs)
    if over is None:
        return
    now = do.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    text = over_budget(over, login=order.person.login, runs=runs, resets_in=(midnight - now).total_seconds())
    raise Refusal(text)
