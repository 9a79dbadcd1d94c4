"""When runs ended, as the bot saw it. Codegen tells when a run began, and never when it ended. All calls block."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.datetimes import aware
from bot.store.tables import COMPLETION_TIMES, insert


@dataclass(frozen=True, slots=True)
class RunEnd:
    """An end that somebody saw.

    :param working_at: when the run was last seen at work
    :param ended_at: when it was first seen to have ended
    """

    working_at: datetime
    ended_at: datetime


class CompletionTimeStore:
    """The ends of all organizations' runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, org_id: int, ends: Mapping[int, RunEnd]) -> None:
        """Writes ends down, by the runs' ids.

        Of two who saw the same end, the earlier one is right; only where the run was at work after that, as one is that
        was resumed, does a later end hold.
        """
        new = insert(self._engine, COMPLETION_TIMES)
        with self._engine.begin() as connection:
            for run_id, end in ends.items():
                values = {"org_id": org_id, "run_id": run_id, "ended_at": end.ended_at.astimezone(UTC)}
                statement = new.values(values).on_conflict_do_update(
                    index_elements=["org_id", "run_id"],
                    set_={"ended_at": new.excluded.ended_at},
                    where=COMPLETION_TIMES.c.ended_at < end.working_at.astimezone(UTC),
                )
                connection.execute(statement)

    def of(self, org_id: int, run_ids: Collection[int]) -> dict[int, datetime]:
        """Those of the runs whose end was seen."""
        query = sa.select(COMPLETION_TIMES.c.run_id, COMPLETION_TIMES.c.ended_at).where(
            COMPLETION_TIMES.c.org_id == org_id, COMPLETION_TIMES.c.run_id.in_([*run_ids])
        )
        with self._engine.connect() as connection:
            return {row.run_id: aware(row.ended_at) for row in connection.execute(query)}
