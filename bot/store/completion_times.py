"""Completion times of runs, as the bot observed them: Codegen reports when a run began, but not when it ended. All
calls block."""

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
    """An observed end of a run.

    :param working_at: when the run was last seen running
    :param ended_at: when it was first seen to have ended
    """

    working_at: datetime
    ended_at: datetime


class CompletionTimeStore:
    """The completion times of all organizations' runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, org_id: int, ends: Mapping[int, RunEnd]) -> None:
        """Stores ends, by the runs' ids.

        Of two observations of the same end the earlier is right; a later end replaces it only if the run was seen
        running after it, as a resumed one is.
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
        """The known completion times of these runs."""
        query = sa.select(COMPLETION_TIMES.c.run_id, COMPLETION_TIMES.c.ended_at).where(
            COMPLETION_TIMES.c.org_id == org_id, COMPLETION_TIMES.c.run_id.in_([*run_ids])
        )
        with self._engine.connect() as connection:
            return {row.run_id: aware(row.ended_at) for row in connection.execute(query)}
