"""What agents of one's own have cost, as the API sums it up."""

from __future__ import annotations

from datetime import UTC, date, datetime

from bot.codegen.models import CostItem
from bot.web.api.costs import costs_of
from tests.harness.server import ORG, ApiServer

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def spent(person: str | None, cost: float | None, *, day: int = 4, thread: int | None = 7, **more: int) -> CostItem:
    return CostItem(
        day=date(2026, 5, day),
        repository="octo/shop",
        thread=thread,
        person=person,
        agent="fixer",
        turns=2,
        cost=cost,
        **more,
    )


def test_costs_are_summed_by_name_and_day() -> None:
    items = [spent("alice", 0.25), spent("bob", 1.0, day=3), spent("alice", 0.5, day=3, thread=None), spent(None, None)]

    costs = costs_of(items, days=2, now=NOON)

    assert (costs.is_known, costs.total.cost, costs.total.turns) == (True, 1.75, 8)
    assert [(each.day.day, each.cost, each.turns) for each in costs.days] == [(3, 1.5, 4), (4, 0.25, 4)]
    assert [(each.name, each.cost) for each in costs.people] == [("bob", 1.0), ("alice", 0.75)]
    assert [(each.name, each.cost) for each in costs.threads] == [("octo/shop#7", 1.25)]
    assert [(each.name, each.turns) for each in costs.repositories] == [("octo/shop", 8)]
    assert [each.name for each in costs.agents] == ["fixer"]


def test_days_without_turns_have_no_costs() -> None:
    costs = costs_of([], days=3, now=NOON)
    assert [(each.turns, each.cost) for each in costs.days] == [(0, None)] * 3
    assert costs.people == []


async def test_costs_of_codegens_runs_are_not_known(api_server: ApiServer) -> None:
    response = await api_server.get(f"{ORG}/costs?days=2")

    assert response.status == 200
    assert (response.document["is_known"], len(response.document["days"])) == (False, 2)
