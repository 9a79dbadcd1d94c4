"""What a turn spends while it runs: stored for everybody to see, and held against the repository's budgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial

from bot import log
from bot.agents import turn_texts as texts
from bot.agents.model import TurnError, Usage
from bot.agents.prices import Price, with_estimate
from bot.errors import StoreError
from bot.execution.cost_limits import CostExceeded, CostLimits, exceeded_today, start_of_day
from bot.storage.agent_costs import AgentCosts
from bot.storage.agent_models import RunStatus, Used
from bot.storage.agent_turns import TakenTurn
from bot.storage.agents import AgentStore
from bot.storage.queries import run_in_thread
from bot.tasks import cancel_and_wait

_log = log.get(__name__)

INTERVAL = 2.0
"""Seconds between two looks at the budgets while an agent works."""


class Spending:
    """The spending of one turn.

    :param limits: of the repository where the turn was asked for
    :param price: of the turn's model, if the agent reports tokens only
    :param note: stores what the turn has used so far
    :param interval: seconds between two looks at the budgets
    :ivar exceeded: the limit that was reached
    """

    def __init__(
        self,
        turn: TakenTurn,
        limits: CostLimits,
        *,
        store: AgentStore,
        costs: AgentCosts,
        price: Price | None,
        note: Callable[[Used], Awaitable[None]],
        now: Callable[[], datetime],
        interval: float = INTERVAL,
    ) -> None:
        self._turn = turn
        self._limits = limits
        self._store = store
        self._costs = costs
        self._price = price
        self._note = note
        self._now = now
        self._interval = interval
        self._used = Used()
        self._has_changed = asyncio.Event()
        self.exceeded: CostExceeded | None = None

    async def check_before(self) -> None:
        """:raises TurnError: if a budget is used up before the agent starts"""
        self.exceeded = await self._find_exceeded()
        if self.exceeded is not None:
            sentence = texts.not_started_over_budget(self.exceeded, person=self._turn.person, now=self._now())
            raise TurnError(sentence, RunStatus.CANCELLED)

    def on_usage(self, usage: Usage) -> None:
        """Takes note of what the agent has used so far in this turn."""
        self._used = self.of(usage)
        self._has_changed.set()

    def of(self, usage: Usage) -> Used:
        """What the agent reports, with a cost by the price table if it reports none."""
        reported = Used(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cost=usage.cost)
        return with_estimate(reported, self._price)

    @asynccontextmanager
    async def watched(self, cancel: asyncio.Event) -> AsyncIterator[asyncio.Event]:
        """Yields an event that is set when the turn is to end: because it was cancelled, or a budget is used up."""
        stop = asyncio.Event()
        tasks = [
            asyncio.create_task(_forward(cancel, stop), name="agents-cancel"),
            asyncio.create_task(self._watch(stop), name="agents-spending"),
        ]
        try:
            yield stop
        finally:
            await cancel_and_wait(*tasks)

    async def _watch(self, stop: asyncio.Event) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            await self._note(self._used)
            with suppress(StoreError):
                # A database that does not answer ends the turn by its heartbeat.
                self.exceeded = await self._find_exceeded()
            if self.exceeded is not None:
                _log.info("turn.over_budget", budget=self.exceeded.key, used=self.exceeded.used)
                stop.set()
                return
            await asyncio.sleep(self._interval)

    async def _find_exceeded(self) -> CostExceeded | None:
        turn, limits = self._turn, self._limits
        if limits.run is not None:
            run = await run_in_thread(partial(self._store.run, turn.run_id))
            used = (run.used.cost if run is not None else None) or 0.0
            if used >= limits.run:
                return CostExceeded(budget=None, limit=limits.run, used=used)
        repository = turn.asked_in or turn.repository
        if not limits.has_daily or repository is None:
            return None
        read = partial(self._costs.since, start_of_day(self._now()), repository=repository)
        spent = [(each.person, each.thread, each.used.cost) for each in await run_in_thread(read)]
        return exceeded_today(spent, limits, person=turn.person, thread=turn.thread)


async def _forward(source: asyncio.Event, target: asyncio.Event) -> None:
    await source.wait()
    target.set()
