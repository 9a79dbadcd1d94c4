"""The orders that were taken, from the answer to GitHub on until nobody can send them again.

Written in batches: what costs is the write that survives a power cut, and one serves as many orders as wait for it.
An order waits, then it is begun (the engine has it), then it has ended. Who has it is a process, by its executor id.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.database import check_file
from bot.store.datetimes import aware
from bot.store.tables import JOBS, insert


class JobState(StrEnum):
    """How far an order has come."""

    WAITING = "waiting"
    BEGUN = "begun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """An order as it is written down.

    :param document: plain JSON
    """

    identity: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Queue:
    """The orders that wait.

    :param oldest: when the first of them was taken; None where there is none
    """

    depth: int
    oldest: datetime | None


class JobStore:
    """The table of orders. All calls block: whoever calls them is in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, invocations: Sequence[QueuedJob], *, executor: str, at: datetime) -> set[str]:
        """Writes orders down, all or none of them.

        :returns: the identities of those that were not known before
        :raises StoreError: where what is written would be lost
        """
        check_file(self._engine)
        rows = [
            {
                "identity": invocation.identity,
                "document": json.dumps(invocation.document),
                "state": JobState.WAITING.value,
                "executor": executor,
                "taken_at": at.astimezone(UTC),
            }
            for invocation in invocations
        ]
        statement = insert(self._engine, JOBS).on_conflict_do_nothing().returning(JOBS.c.identity)
        with self._engine.begin() as connection:
            return set(connection.execute(statement, rows).scalars())

    def begin(self, identities: Collection[str], *, executor: str) -> None:
        """A process is at them."""
        values = {"state": JobState.BEGUN.value, "executor": executor}
        self._change(identities, values, JOBS.c.state != JobState.ENDED.value)

    def end(self, stages: dict[str, str], *, at: datetime) -> None:
        """They are through; what they were about is forgotten. Also those that an older version took.

        :param stages: how each ended
        """
        moment = at.astimezone(UTC)
        rows = [
            {
                "identity": identity,
                "document": None,
                "state": JobState.ENDED.value,
                "stage": stage,
                "executor": "",
                "taken_at": moment,
                "ended_at": moment,
            }
            for identity, stage in stages.items()
        ]
        statement = insert(self._engine, JOBS)
        changed = {name: statement.excluded[name] for name in ("document", "state", "stage", "ended_at")}
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["identity"], set_=changed), rows)

    def again(self, invocation: QueuedJob, *, executor: str, at: datetime) -> None:
        """One that was known waits anew."""
        values = {
            "state": JobState.WAITING.value,
            "document": json.dumps(invocation.document),
            "executor": executor,
            "taken_at": at.astimezone(UTC),
            "stage": None,
            "ended_at": None,
            "loop_holds": 0,
        }
        self._change([invocation.identity], values)

    def hold_loop(self, identity: str) -> None:
        """Notes that an order holds a process' event loop: if the process ends now, it was this order's doing."""
        self._change([identity], {"loop_holds": JOBS.c.loop_holds + 1})

    def free_loop(self, identity: str) -> None:
        """Takes the last note back: the process has gone on."""
        self._change([identity], {"loop_holds": JOBS.c.loop_holds - 1}, JOBS.c.loop_holds > 0)

    def loop_holds(self, identity: str) -> int:
        """How many processes ended while the order held their loops."""
        query = sa.select(JOBS.c.loop_holds).where(JOBS.c.identity == identity)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar() or 0

    def _change(
        self, identities: Collection[str], values: dict[str, Any], only: sa.ColumnElement[bool] | None = None
    ) -> None:
        where = JOBS.c.identity.in_([*identities])
        with self._engine.begin() as connection:
            statement = JOBS.update().where(where if only is None else sa.and_(where, only))
            connection.execute(statement.values(values))

    def find(self, identity: str) -> tuple[JobState, str | None] | None:
        """How far an order has come, and how it ended; None where it is not known."""
        query = sa.select(JOBS.c.state, JOBS.c.stage).where(JOBS.c.identity == identity)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (JobState(row.state), row.stage)

    def adopt(self, *, of: str, executor: str) -> list[QueuedJob]:
        """Makes what waits at a dead executor wait at another one; each job goes to one that asks.

        :param of: the dead executor's id
        :returns: the first one taken first
        """
        return self._adopt(JOBS.c.executor == of, executor)

    def adopt_lost(self, known: Collection[str], *, executor: str) -> list[QueuedJob]:
        """The same for what waits at executors that nobody knows.

        :param known: the ids of all others
        """
        return self._adopt(JOBS.c.executor.not_in([*known, executor]), executor)

    def _adopt(self, where: sa.ColumnElement[bool], executor: str) -> list[QueuedJob]:
        statement = (
            JOBS.update()
            .where(where, JOBS.c.state == JobState.WAITING.value)
            .values(executor=executor)
            .returning(JOBS.c.identity, JOBS.c.document, JOBS.c.taken_at)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(statement).all()
        return [QueuedJob(row.identity, json.loads(row.document)) for row in sorted(rows, key=lambda row: row.taken_at)]

    def document(self, identity: str) -> dict[str, Any] | None:
        """What a job that has not ended is about; None where it is not known any more."""
        query = sa.select(JOBS.c.document).where(JOBS.c.identity == identity, JOBS.c.state != JobState.ENDED.value)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        document: dict[str, Any] | None = None if found is None else json.loads(found)
        return document

    def queue(self) -> Queue:
        """Of all processes."""
        query = sa.select(sa.func.count(), sa.func.min(JOBS.c.taken_at)).where(JOBS.c.state == JobState.WAITING.value)
        with self._engine.connect() as connection:
            depth, oldest = connection.execute(query).one()
        # SQLite forgets the zone.
        return Queue(depth, None if oldest is None else aware(oldest))

    def forget(self, *, before: datetime) -> None:
        """Those that ended before that moment; GitHub sends none of them again."""
        old = sa.and_(JOBS.c.state == JobState.ENDED.value, JOBS.c.ended_at < before.astimezone(UTC))
        with self._engine.begin() as connection:
            connection.execute(JOBS.delete().where(old))
