"""The accepted jobs, from the response to GitHub until their deliveries can no longer arrive again.

Written in batches: the expensive part is the write that survives a power cut, and one serves all jobs that wait for it.
A job waits, then it is begun (handed to the engine), then it has ended. It belongs to a process, by its executor id.
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
    """The progress of a job."""

    WAITING = "waiting"
    BEGUN = "begun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as it is stored.

    :param document: plain JSON
    """

    identity: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Queue:
    """The waiting jobs.

    :param oldest: when the first of them was accepted; None if there is none
    """

    depth: int
    oldest: datetime | None


class JobStore:
    """The table of jobs. All calls block; call them in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, jobs: Sequence[QueuedJob], *, executor: str, at: datetime) -> set[str]:
        """Stores jobs, all or none of them.

        :returns: the identities of those that are new
        :raises StoreError: if writes would be lost
        """
        check_file(self._engine)
        rows = [
            {
                "identity": job.identity,
                "document": json.dumps(job.document),
                "state": JobState.WAITING.value,
                "executor": executor,
                "taken_at": at.astimezone(UTC),
            }
            for job in jobs
        ]
        statement = insert(self._engine, JOBS).on_conflict_do_nothing().returning(JOBS.c.identity)
        with self._engine.begin() as connection:
            return set(connection.execute(statement, rows).scalars())

    def begin(self, identities: Collection[str], *, executor: str) -> None:
        """Marks them as begun by a process."""
        values = {"state": JobState.BEGUN.value, "executor": executor}
        self._change(identities, values, JOBS.c.state != JobState.ENDED.value)

    def end(self, stages: dict[str, str], *, at: datetime) -> None:
        """Marks them as ended and deletes their content. Includes those that an older version accepted.

        :param stages: the final stage of each
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

    def again(self, job: QueuedJob, *, executor: str, at: datetime) -> None:
        """Lets a known job wait again."""
        values = {
            "state": JobState.WAITING.value,
            "document": json.dumps(job.document),
            "executor": executor,
            "taken_at": at.astimezone(UTC),
            "stage": None,
            "ended_at": None,
            "loop_holds": 0,
        }
        self._change([job.identity], values)

    def hold_loop(self, identity: str) -> None:
        """Records that a job blocks a process' event loop: if the process ends now, the job is the cause."""
        self._change([identity], {"loop_holds": JOBS.c.loop_holds + 1})

    def free_loop(self, identity: str) -> None:
        """Deletes that record: the process has continued."""
        self._change([identity], {"loop_holds": JOBS.c.loop_holds - 1}, JOBS.c.loop_holds > 0)

    def loop_holds(self, identity: str) -> int:
        """How many processes ended while the job blocked their loops."""
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
        """A job's state and final stage; None if it is unknown."""
        query = sa.select(JOBS.c.state, JOBS.c.stage).where(JOBS.c.identity == identity)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (JobState(row.state), row.stage)

    def adopt(self, *, of: str, executor: str) -> list[QueuedJob]:
        """Moves the waiting jobs of a dead executor to another one; each job goes to one caller only.

        :param of: the dead executor's id
        :returns: the jobs, the first accepted first
        """
        return self._adopt(JOBS.c.executor == of, executor)

    def adopt_lost(self, known: Collection[str], *, executor: str) -> list[QueuedJob]:
        """The same for jobs of unknown executors.

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
        """The content of a job that has not ended; None if it is unknown."""
        query = sa.select(JOBS.c.document).where(JOBS.c.identity == identity, JOBS.c.state != JobState.ENDED.value)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        document: dict[str, Any] | None = None if found is None else json.loads(found)
        return document

    def queue(self) -> Queue:
        """The waiting jobs of all processes."""
        query = sa.select(sa.func.count(), sa.func.min(JOBS.c.taken_at)).where(JOBS.c.state == JobState.WAITING.value)
        with self._engine.connect() as connection:
            depth, oldest = connection.execute(query).one()
        # SQLite drops the time zone.
        return Queue(depth, None if oldest is None else aware(oldest))

    def forget(self, *, before: datetime) -> None:
        """Deletes the jobs that ended before that time; GitHub redelivers none of them."""
        old = sa.and_(JOBS.c.state == JobState.ENDED.value, JOBS.c.ended_at < before.astimezone(UTC))
        with self._engine.begin() as connection:
            connection.execute(JOBS.delete().where(old))
