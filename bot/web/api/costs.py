"""What agents of your own have cost lately: by day, person, repository, thread and agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import Field

from bot.codegen.models import CostItem
from bot.execution.cost_limits import start_of_day
from bot.storage.agent_models import Used
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.models import Query, ResponseModel

MOST_NAMES = 50
"""People, repositories, threads and agents of one response each: those with the highest costs."""

COSTS_TTL = 10.0
"""Seconds for which the sums are cached."""


class SpentBy(ResponseModel):
    """What some turns have used; null where it is not known. `is_estimated`: a part comes from the price table."""

    turns: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None = Field(description="US dollars.")
    is_estimated: bool


class SpentOnDay(SpentBy):
    """The turns that began on a day of UTC."""

    day: date


class SpentByName(SpentBy):
    """The turns of a person, in a repository, on a thread (`owner/name#7`), or of an agent."""

    name: str


class CostsOverview(ResponseModel):
    """Costs of the last days. `is_known`: whether the runs' costs are known at all; Codegen does not report them."""

    is_known: bool
    total: SpentBy
    days: list[SpentOnDay]
    people: list[SpentByName]
    repositories: list[SpentByName]
    threads: list[SpentByName]
    agents: list[SpentByName]


class CostsQuery(Query):
    days: int = Field(14, ge=1, le=90, description="Number of days, including today.")
    repository: str | None = Field(None, max_length=200, description="Only `owner/name`.")


async def get_costs(call: ApiRequest[CostsQuery, None]) -> ApiResponse[CostsOverview]:
    """What agents of your own have cost, by day, person, repository, thread and agent."""
    query, now = call.query, call.services.now()
    since = start_of_day(now) - timedelta(days=query.days - 1)
    if not call.caller.access.has_own_agents(call.org_id):
        # Codegen has no such operation.
        return ApiResponse(document=costs_of([], days=query.days, now=now, is_known=False))
    read = partial(call.codegen.costs, since=since, repository=query.repository)
    items = await call.cached(f"costs-{query.days}-{query.repository}", read, ttl=COSTS_TTL)
    return ApiResponse(document=costs_of(items, days=query.days, now=now))


def costs_of(items: Sequence[CostItem], *, days: int, now: datetime, is_known: bool = True) -> CostsOverview:
    """:param items: of the last days, today included"""
    first = now.date() - timedelta(days=days - 1)
    by_day = _grouped(items, lambda each: each.day.isoformat())
    listed = [first + timedelta(days=number) for number in range(days)]
    return CostsOverview(
        is_known=is_known,
        total=SpentBy(**_sum(items)),
        days=[SpentOnDay(day=day, **_sum(by_day.get(day.isoformat(), ()))) for day in listed],
        people=_named(items, lambda each: each.person),
        repositories=_named(items, lambda each: each.repository),
        threads=_named(items, lambda each: f"{each.repository}#{each.thread}" if each.thread else None),
        agents=_named(items, lambda each: each.agent),
    )


def _named(items: Sequence[CostItem], name_of: Callable[[CostItem], str | None]) -> list[SpentByName]:
    found = [SpentByName(name=name, **_sum(group)) for name, group in _grouped(items, name_of).items()]
    return sorted(found, key=lambda each: (-(each.cost or 0.0), -each.turns, each.name))[:MOST_NAMES]


def _grouped(items: Iterable[CostItem], name_of: Callable[[CostItem], str | None]) -> dict[str, list[CostItem]]:
    groups: dict[str, list[CostItem]] = {}
    for each in items:
        if (name := name_of(each)) is not None:
            groups.setdefault(name, []).append(each)
    return groups


def _sum(items: Iterable[CostItem]) -> dict[str, Any]:
    turns, used = 0, Used()
    for each in items:
        turns += each.turns
        used += Used(
            input_tokens=each.input_tokens,
            output_tokens=each.output_tokens,
            cost=each.cost,
            is_estimated=each.is_estimated,
        )
    return {"turns": turns, **asdict(used), "cost": None if used.cost is None else round(used.cost, 6)}
