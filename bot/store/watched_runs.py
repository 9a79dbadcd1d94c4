"""The runs that each process waits for, and their state as last observed by the poller. All calls block.

Times are the database's: the processes' clocks need not agree.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.tables import EXECUTORS, SIGHTINGS, WATCHED_RUNS, insert


@dataclass(frozen=True, slots=True)
class Seen:
    """An observed state of a run.

    :param document: plain JSON
    :param changed_at: when this state was first observed
    """

    run_id: int
    document: dict[str, Any]
    changed_at: datetime


class WatchedRuns:
    """The runs of one organization that are waited for."""

    def __init__(self, engine: Engine, org_id: int) -> None:
        self._engine = engine
        self._org_id = org_id

    # Waiting processes

    def want(self, executor: str, more: Collection[int], no_more: Collection[int]) -> None:
        """Records what a process waits for from now on, and what no longer."""
        rows = [{"org_id": self._org_id, "run_id": run_id, "executor": executor} for run_id in more]
        with self._engine.begin() as connection:
            if no_more:
                connection.execute(WATCHED_RUNS.delete().where(self._of(executor), self._are(WATCHED_RUNS, no_more)))
            if rows:
                statement = insert(self._engine, WATCHED_RUNS).values(since=sa.func.now())
                connection.execute(statement.on_conflict_do_nothing(), rows)

    def forget(self, executor: str) -> None:
        """Removes a process that is gone from all runs."""
        with self._engine.begin() as connection:
            connection.execute(WATCHED_RUNS.delete().where(self._of(executor)))

    def seen(self, executor: str, *, since: datetime | None, never: Collection[int]) -> list[Seen]:
        """What was observed of a process' runs after it began to wait for them.

        :param since: excludes what had changed by then
        :param never: the runs of which nothing was returned yet
        """
        watched, sightings = WATCHED_RUNS.c, SIGHTINGS.c
        is_news: sa.ColumnElement[bool] = sightings.run_id.in_([*never])
        if since is not None:
            is_news = sa.or_(is_news, sightings.changed_at > since)
        query = sa.select(sightings.run_id, sightings.document, sightings.changed_at).where(
            self._of(executor),
            sightings.org_id == watched.org_id,
            sightings.run_id == watched.run_id,
            sightings.seen_at >= watched.since,
            is_news,
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Seen(row.run_id, json.loads(row.document), row.changed_at) for row in rows]

    # The poller

    def wanted(self) -> tuple[list[int], float]:
        """The runs that any process waits for, the longest unobserved first, and how many seconds ago the last of them
        was added."""
        watched, sightings = WATCHED_RUNS.c, SIGHTINGS.c
        both = WATCHED_RUNS.outerjoin(
            SIGHTINGS, sa.and_(watched.org_id == sightings.org_id, watched.run_id == sightings.run_id)
        )
        query = (
            sa.select(watched.run_id, sa.func.max(watched.since), sa.func.now())
            .select_from(both)
            .where(watched.org_id == self._org_id)
            .group_by(watched.run_id)
            .order_by(sa.func.max(sightings.seen_at).asc().nulls_first(), watched.run_id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [row[0] for row in rows], min(((row[2] - row[1]).total_seconds() for row in rows), default=0.0)

    def tell(self, changed: Mapping[int, dict[str, Any]], same: Sequence[int]) -> None:
        """Stores what was observed.

        :param changed: plain JSON by the runs' ids
        :param same: the unchanged ones
        """
        rows = [
            {"org_id": self._org_id, "run_id": run_id, "document": json.dumps(document)}
            for run_id, document in changed.items()
        ]
        with self._engine.begin() as connection:
            if same:
                statement = SIGHTINGS.update().where(self._are(SIGHTINGS, same))
                connection.execute(statement.values(seen_at=sa.func.now()))
            if rows:
                now = {"seen_at": sa.func.now(), "changed_at": sa.func.now()}
                new = insert(self._engine, SIGHTINGS).values(now)
                changes = {"document": new.excluded.document, **now}
                connection.execute(new.on_conflict_do_update(index_elements=["org_id", "run_id"], set_=changes), rows)

    def tidy(self) -> None:
        """Deletes what processes wait for that are gone, and the states of runs that no process waits for any more.

        A process that was frozen or cut off may record a run after `forget`, before it notices that it was replaced.
        """
        executors = sa.select(EXECUTORS.c.executor)
        waited_for = sa.select(WATCHED_RUNS.c.run_id).where(WATCHED_RUNS.c.org_id == self._org_id)
        here = SIGHTINGS.c.org_id == self._org_id
        with self._engine.begin() as connection:
            gone = sa.and_(WATCHED_RUNS.c.org_id == self._org_id, WATCHED_RUNS.c.executor.not_in(executors))
            connection.execute(WATCHED_RUNS.delete().where(gone))
            connection.execute(SIGHTINGS.delete().where(here, SIGHTINGS.c.run_id.not_in(waited_for)))

    def _of(self, executor: str) -> sa.ColumnElement[bool]:
        return sa.and_(WATCHED_RUNS.c.org_id == self._org_id, WATCHED_RUNS.c.executor == executor)

    def _are(self, table: sa.Table, run_ids: Collection[int]) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.org_id == self._org_id, table.c.run_id.in_([*run_ids]))
