"""The accepted jobs, from the response to GitHub until their deliveries can no longer arrive again.

Written in batches: the expensive part is the write that survives a power cut, and one serves all jobs that wait for it.
A job waits, then it is started (handed to DBOS), then it has ended. It belongs to a process, by its executor id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bot.storage.database import check_file
from bot.storage.queries import Store
from bot.storage.tables import JOBS


class JobState(StrEnum):
    """The progress of a job."""

    WAITING = "waiting"
    STARTED = "started"
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


class JobStore(Store):
    """The table of jobs. All calls block."""

    def take(self, jobs: Sequence[QueuedJob], *, executor: str, at: datetime) -> set[str]:
        """Stores jobs, all or none of them.

        :returns: the identities of those that are new
        :raises StoreError: if writes would be lost
        """
        check_file(self._engine)
        same = {"state": JobState.WAITING.value, "executor": executor, "accepted_at": at}
        rows = [{"identity": job.identity, "document": job.document, **same} for job in jobs]
        statement = self._insert(JOBS).on_conflict_do_nothing().returning(JOBS.c.identity)
        with self._engine.begin() as connection:
            return set(connection.execute(statement, rows).scalars())

    def start(self, identities: Collection[str], *, executor: str) -> None:
        """Marks them as started by a process."""
        values = {"state": JobState.STARTED.value, "executor": executor}
        self._execute(_update(identities).where(_HAS_NOT_ENDED).values(values))

    def end(self, stages: dict[str, str], *, at: datetime) -> None:
        """Marks them as ended and deletes their content.

        :param stages: the final stage of each
        """
        changes = {"document": None, "state": JobState.ENDED.value, "ended_at": at}
        statement = (
            JOBS.update()
            .where(JOBS.c.identity == sa.bindparam("ended"))
            .values(**changes, stage=sa.bindparam("final_stage"))
        )
        rows = [{"ended": identity, "final_stage": stage} for identity, stage in stages.items()]
        with self._engine.begin() as connection:
            connection.execute(statement, rows)

    def requeue(self, job: QueuedJob, *, executor: str, at: datetime) -> None:
        """Lets a known job wait again."""
        values = {"state": JobState.WAITING.value, "document": job.document, "executor": executor, "accepted_at": at}
        self._execute(_update([job.identity]).values(**values, stage=None, ended_at=None, loop_blocks=0))

    def add_loop_block(self, identity: str) -> None:
        """Records that a job blocks a process' event loop: if the process ends now, the job is the cause."""
        self._execute(_update([identity]).values(loop_blocks=JOBS.c.loop_blocks + 1))

    def remove_loop_block(self, identity: str) -> None:
        """Deletes that record: the process has continued."""
        self._execute(_update([identity]).where(JOBS.c.loop_blocks > 0).values(loop_blocks=JOBS.c.loop_blocks - 1))

    def loop_blocks(self, identity: str) -> int:
        """How many processes ended while the job blocked their loops."""
        query = sa.select(JOBS.c.loop_blocks).where(JOBS.c.identity == identity)
        return next((row.loop_blocks for row in self._execute(query)), 0)

    def find(self, identity: str) -> tuple[JobState, str | None] | None:
        """A job's state and final stage; None if it is unknown."""
        query = sa.select(JOBS.c.state, JOBS.c.stage).where(JOBS.c.identity == identity)
        return next(((JobState(row.state), row.stage) for row in self._execute(query)), None)

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
        update = JOBS.update().where(where, JOBS.c.state == JobState.WAITING.value).values(executor=executor)
        rows = self._execute(update.returning(JOBS.c.identity, JOBS.c.document, JOBS.c.accepted_at))
        return [QueuedJob(row.identity, row.document) for row in sorted(rows, key=lambda row: row.accepted_at)]

    def document(self, identity: str) -> dict[str, Any] | None:
        """The content of a job that has not ended; None if it is unknown."""
        query = sa.select(JOBS.c.document).where(JOBS.c.identity == identity, _HAS_NOT_ENDED)
        return next((row.document for row in self._execute(query)), None)

    def queue(self) -> Queue:
        """The waiting jobs of all processes."""
        query = sa.select(sa.func.count(), sa.func.min(JOBS.c.accepted_at))
        [(depth, oldest)] = self._execute(query.where(JOBS.c.state == JobState.WAITING.value))
        return Queue(depth, oldest)

    def forget(self, *, before: datetime) -> None:
        """Deletes the jobs that ended before that time; GitHub redelivers none of them."""
        self._execute(JOBS.delete().where(JOBS.c.state == JobState.ENDED.value, JOBS.c.ended_at < before))


_HAS_NOT_ENDED = JOBS.c.state != JobState.ENDED.value


def _update(identities: Collection[str]) -> sa.Update:
    return JOBS.update().where(JOBS.c.identity.in_([*identities]))
