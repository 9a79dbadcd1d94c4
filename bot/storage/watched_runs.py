"""The runs that each process waits for, and their state as last observed by the poller. All calls block.

Times are the database's: the processes' clocks need not agree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.storage.queries import Store
from bot.storage.tables import EXECUTORS, RUN_STATES, WATCHED_RUNS


@dataclass(frozen=True, slots=True)
class RunState:
    """An observed state of a run.

    :param document: plain JSON
    :param changed_at: when this state was first observed
    """

    run_id: int
    document: dict[str, Any]
    changed_at: datetime


class WatchedRuns(Store):
    """The runs of one organization that are waited for."""

    def __init__(self, engine: Engine, org_id: int) -> None:
        super().__init__(engine)
        self._org_id = org_id

    # Waiting processes

    def watch(self, executor: str, more: Collection[int], no_more: Collection[int]) -> None:
        """Records what a process waits for from now on, and what no longer."""
        statements: list[sa.Executable] = []
        if no_more:
            statements.append(WATCHED_RUNS.delete().where(self._of(executor), *self._are(WATCHED_RUNS, no_more)))
        if more:
            row = {"org_id": self._org_id, "executor": executor, "watched_since": sa.func.now()}
            new = self._insert(WATCHED_RUNS).values([{**row, "run_id": run_id} for run_id in more])
            statements.append(new.on_conflict_do_nothing())
        self._execute(*statements)

    def states(self, executor: str, *, since: datetime | None, unread: Collection[int]) -> list[RunState]:
        """What was observed of a process' runs after it began to wait for them.

        :param since: excludes what had changed by then
        :param unread: the runs of which nothing was returned yet
        """
        watched, states = WATCHED_RUNS.c, RUN_STATES.c
        is_new: sa.ColumnElement[bool] = states.run_id.in_([*unread])
        if since is not None:
            is_new = sa.or_(is_new, states.changed_at > since)
        query = sa.select(states.run_id, states.document, states.changed_at).where(
            self._of(executor),
            states.org_id == watched.org_id,
            states.run_id == watched.run_id,
            states.polled_at >= watched.watched_since,
            is_new,
        )
        return [RunState(row.run_id, row.document, row.changed_at) for row in self._execute(query)]

    # The poller

    def watched(self) -> tuple[list[int], float]:
        """The runs that any process waits for, the longest unobserved first, and how many seconds ago the last of them
        was added."""
        watched, states = WATCHED_RUNS.c, RUN_STATES.c
        both = WATCHED_RUNS.outerjoin(
            RUN_STATES, sa.and_(watched.org_id == states.org_id, watched.run_id == states.run_id)
        )
        query = (
            sa.select(watched.run_id, sa.func.max(watched.watched_since), sa.func.now())
            .select_from(both)
            .where(watched.org_id == self._org_id)
            .group_by(watched.run_id)
            .order_by(sa.func.max(states.polled_at).asc().nulls_first(), watched.run_id)
        )
        rows = self._execute(query)
        return [row[0] for row in rows], min(((row[2] - row[1]).total_seconds() for row in rows), default=0.0)

    def set_states(self, changed: Mapping[int, dict[str, Any]], unchanged: Collection[int]) -> None:
        """Stores what was observed.

        :param changed: plain JSON by the runs' ids
        """
        now, statements = {"polled_at": sa.func.now()}, []
        if unchanged:
            statements.append(RUN_STATES.update().where(*self._are(RUN_STATES, unchanged)).values(now))
        for run_id, document in changed.items():
            key = {"org_id": self._org_id, "run_id": run_id}
            statements.append(self._upsert(RUN_STATES, key, {"document": document, "changed_at": sa.func.now(), **now}))
        self._execute(*statements)

    def delete_unwatched(self) -> None:
        """Deletes what processes wait for that are gone, and the states of runs that no process waits for any more.

        A process that was frozen or cut off may record a run before it notices that it was replaced.
        """
        watched = sa.select(WATCHED_RUNS.c.run_id).where(WATCHED_RUNS.c.org_id == self._org_id)
        here = RUN_STATES.c.org_id == self._org_id
        self._execute(unwatch_the_dead(), RUN_STATES.delete().where(here, RUN_STATES.c.run_id.not_in(watched)))

    def _of(self, executor: str) -> sa.ColumnElement[bool]:
        return sa.and_(WATCHED_RUNS.c.org_id == self._org_id, WATCHED_RUNS.c.executor == executor)

    def _are(self, table: sa.Table, run_ids: Collection[int]) -> tuple[sa.ColumnElement[bool], ...]:
        return table.c.org_id == self._org_id, table.c.run_id.in_([*run_ids])


def unwatch_the_dead() -> sa.Delete:
    """Deletes what processes wait for that are not in the table of executors."""
    return WATCHED_RUNS.delete().where(WATCHED_RUNS.c.executor.not_in(sa.select(EXECUTORS.c.executor)))
