"""What agents' turns have used, by day, repository, thread, person and agent. All calls block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from bot.storage.agent_models import Used
from bot.storage.database import is_shared
from bot.storage.queries import BlockingStore
from bot.storage.tables import AGENT_RUNS, AGENT_TURNS

MOST_ROWS = 10_000
"""Groups of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a group of turns has used: those that began on a day of UTC, and have all this in common.

    :param repository: where they were asked for, in lower case; None if that is not known, as the others
    :param person: the login, in lower case
    :param turns: how many there were
    """

    day: date
    repository: str | None
    thread: int | None
    person: str | None
    agent: str
    turns: int
    used: Used


class AgentCosts(BlockingStore):
    """Sums over turns, running ones as far as their use is known."""

    def since(self, start: datetime, *, repository: str | None = None) -> Sequence[Cost]:
        """The costs of the turns that began since then, the newest day first; at most `MOST_ROWS` groups.

        :param repository: only those that were asked for there, in any case
        """
        run, turn = AGENT_RUNS.c, AGENT_TURNS.c
        started = sa.func.timezone("UTC", turn.started_at) if is_shared(self._engine) else turn.started_at
        place = sa.func.lower(sa.func.coalesce(run.asked_in, run.repository))
        groups = (
            sa.cast(sa.func.date(started), sa.Text).label("day"),
            place.label("repository"),
            run.thread,
            sa.func.lower(sa.func.coalesce(turn.person, run.person)).label("person"),
            run.agent,
        )
        sums = (
            sa.func.count().label("turns"),
            sa.cast(sa.func.sum(turn.input_tokens), sa.BigInteger).label("input_tokens"),
            sa.cast(sa.func.sum(turn.output_tokens), sa.BigInteger).label("output_tokens"),
            sa.func.sum(turn.cost).label("cost"),
            sa.func.max(sa.cast(turn.is_estimated, sa.Integer)).label("is_estimated"),
        )
        query = (
            sa.select(*groups, *sums)
            .join(AGENT_RUNS, run.id == turn.run_id)
            .where(turn.started_at >= start)
            .group_by(*groups)
            .order_by(sa.desc("day"), sa.desc("turns"))
            .limit(MOST_ROWS)
        )
        if repository is not None:
            query = query.where(place == repository.lower())
        with self._begin() as connection:
            return [
                Cost(
                    day=date.fromisoformat(row.day),
                    repository=row.repository,
                    thread=row.thread,
                    person=row.person,
                    agent=row.agent,
                    turns=row.turns,
                    used=Used(
                        input_tokens=row.input_tokens,
                        output_tokens=row.output_tokens,
                        cost=row.cost,
                        is_estimated=bool(row.is_estimated),
                    ),
                )
                for row in connection.execute(query)
            ]
