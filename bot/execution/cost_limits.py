"""Budgets in US dollars: what may be spent in a day or by a run, and what is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.execution.phrases import dollars, duration
from bot.execution.repository_config.model import Budgets
from bot.storage.models import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLimits:
    """US dollars; None: no limit. Those of a day are for turns that began on it."""

    run: float | None = None
    person: float | None = None
    thread: float | None = None
    repository: float | None = None

    @classmethod
    def of(cls, budgets: Budgets) -> CostLimits:
        return cls(
            run=budgets.cost_per_run,
            person=budgets.cost_per_person_a_day,
            thread=budgets.cost_per_thread_a_day,
            repository=budgets.cost_per_repository_a_day,
        )

    @property
    def has_daily(self) -> bool:
        return (self.person, self.thread, self.repository) != (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostExceeded:
    """A limit that is reached.

    :param budget: whose; None: the run's own
    """

    budget: Budget | None
    limit: float
    used: float

    @property
    def key(self) -> str:
        """In the config file, below `budgets`."""
        return "cost-per-run" if self.budget is None else f"cost-per-{self.budget.value}-a-day"


Spent = tuple[str | None, int | None, float | None]
"""The login in lower case, the thread's number and the dollars of a group of today's turns in one repository."""


def exceeded_today(
    spent: Iterable[Spent], limits: CostLimits, *, person: str | None, thread: int | None
) -> CostExceeded | None:
    """The first daily limit that is reached."""
    known = [(login, number, cost or 0.0) for login, number, cost in spent]
    login_of_person = person.lower() if person else None
    for budget, limit, used in (
        (Budget.PERSON, limits.person, sum(cost for login, _, cost in known if person and login == login_of_person)),
        (Budget.THREAD, limits.thread, sum(cost for _, number, cost in known if thread and number == thread)),
        (Budget.REPOSITORY, limits.repository, sum(cost for _, _, cost in known)),
    ):
        if limit is not None and used >= limit:
            return CostExceeded(budget=budget, limit=limit, used=used)
    return None


def start_of_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def described(exceeded: CostExceeded, *, person: str | None) -> str:
    """What the limit is and what is spent, in a sentence."""
    whose = {
        None: "one run",
        Budget.PERSON: f"`{person}` in this repository",
        Budget.THREAD: "this thread",
        Budget.REPOSITORY: "this repository",
    }[exceeded.budget]
    period = "" if exceeded.budget is None else " a day"
    return (
        f"The budget for {whose} is {dollars(exceeded.limit)}{period} (`{exceeded.key}`), and "
        f"{dollars(exceeded.used)} are spent."
    )


def next_step(exceeded: CostExceeded, *, now: datetime) -> str:
    """When there is money again."""
    if exceeded.budget is None:
        return "Next: whoever may change the config file can raise the limit."
    seconds = (start_of_day(now) + timedelta(days=1) - now).total_seconds()
    return (
        f"Next: the count resets at 00:00 UTC, in {duration(seconds)}. Whoever may change the config file can raise "
        "the limit."
    )
