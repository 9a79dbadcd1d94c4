"""The price table of the agents file, for agents that report tokens but no cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.storage.agent_models import Used

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens that a model reads and writes."""

    input: float
    output: float


def price_of(prices: Mapping[str, Price], model: str | None) -> Price | None:
    """The price of a model: by its name, else by the longest beginning of it that ends in ``*`` in the table.

    :param model: None if it is the agent's own choice
    """
    if model is not None and model in prices:
        return prices[model]
    beginnings = [name for name in prices if name.endswith("*") and (model or "").startswith(name[:-1])]
    return prices[max(beginnings, key=len)] if beginnings else None


def with_estimate(used: Used, price: Price | None) -> Used:
    """The same with a cost by the price table, if the agent has reported tokens only."""
    if used.cost is not None or price is None or (used.input_tokens is None and used.output_tokens is None):
        return used
    cost = ((used.input_tokens or 0) * price.input + (used.output_tokens or 0) * price.output) / MILLION
    return Used(
        input_tokens=used.input_tokens, output_tokens=used.output_tokens, cost=round(cost, 6), is_estimated=True
    )
