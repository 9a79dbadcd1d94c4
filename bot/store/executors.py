"""The processes that work on one database: which of them are alive, by the database's clock. All calls block.

An executor is one start of one process; its id is never reused. On PostgreSQL each renews its heartbeat, and one whose
heartbeat is older than the lease may be replaced by another, its successor. SQLite serves one process at a time
(`bot.store.locks`), so there every other executor is dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from bot.store.database import check_file
from bot.store.locks import is_shared
from bot.store.tables import EXECUTORS

STOPPED = datetime(1970, 1, 1, tzinfo=UTC)
"""The heartbeat of an executor that was stopped cleanly: its work may be recovered at once."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The result of a heartbeat.

    :param is_alive: False once another executor has replaced this one and recovers its work
    :param leads: whether this one does what only one executor may do; it has been alive longest
    :param dead: executors whose work has to be recovered, oldest first
    """

    is_alive: bool
    leads: bool
    dead: tuple[str, ...]


class Executors:
    """The table of executors.

    :param lease: seconds for which a heartbeat is valid
    """

    def __init__(self, engine: Engine, *, lease: float) -> None:
        self._engine = engine
        self._lease = timedelta(seconds=lease)
        self._is_shared = is_shared(engine)

    def register(self, executor: str, *, version: str) -> None:
        """Adds an executor that is alive from now on.

        :param version: of the workflows that it runs
        """
        row = {"executor": executor, "version": version, "started_at": sa.func.now(), "beat_at": sa.func.now()}
        with self._engine.begin() as connection:
            connection.execute(EXECUTORS.insert().values(row))

    def beat(self, executor: str) -> Pulse:
        """Renews the heartbeat, unless the executor was replaced, and reads all others', in one transaction."""
        with self._engine.begin() as connection:
            if not self._is_shared:
                return _alone(connection, executor)
            mine = sa.and_(EXECUTORS.c.executor == executor, EXECUTORS.c.successor.is_(None))
            renewed = connection.execute(EXECUTORS.update().where(mine).values(beat_at=sa.func.now())).rowcount
            return self._pulse(connection, executor, is_alive=bool(renewed))

    def _pulse(self, connection: Connection, executor: str, *, is_alive: bool) -> Pulse:
        columns = EXECUTORS.c
        is_fresh = columns.beat_at >= sa.func.now() - self._lease
        query = sa.select(columns.executor, columns.successor, is_fresh.label("is_fresh"))
        rows = connection.execute(query.order_by(columns.started_at, columns.executor)).all()
        living = [row.executor for row in rows if row.is_fresh and row.successor is None]
        dead = [row.executor for row in rows if row.executor not in living and row.successor not in living]
        # A recovery that this one has begun still has to be finished.
        dead += [row.executor for row in rows if row.successor == executor]
        return Pulse(is_alive=is_alive, leads=living[:1] == [executor], dead=tuple(dead) if is_alive else ())

    def replace(self, dead: str, *, successor: str) -> bool:
        """Makes one executor, and no other, recover a dead one's work.

        :returns: False if the dead one is alive after all, or another live executor recovers it
        """
        columns, other = EXECUTORS.c, EXECUTORS.alias()
        ours = sa.and_(columns.executor == dead, columns.executor != successor)
        if self._is_shared:
            limit = sa.func.now() - self._lease
            living = sa.select(other.c.executor).where(other.c.successor.is_(None), other.c.beat_at >= limit)
            is_free = sa.or_(
                columns.successor.is_(None), columns.successor == successor, ~columns.successor.in_(living)
            )
            ours = sa.and_(ours, columns.beat_at < limit, is_free)
        with self._engine.begin() as connection:
            return bool(connection.execute(EXECUTORS.update().where(ours).values(successor=successor)).rowcount)

    def remove(self, dead: str, *, successor: str) -> None:
        """Deletes an executor whose work its successor has recovered."""
        ours = sa.and_(EXECUTORS.c.executor == dead, EXECUTORS.c.successor == successor)
        with self._engine.begin() as connection:
            connection.execute(EXECUTORS.delete().where(ours))

    def stop(self, executor: str) -> None:
        """Ends an executor cleanly: whatever it leaves may be recovered at once."""
        mine = sa.and_(EXECUTORS.c.executor == executor, EXECUTORS.c.successor.is_(None))
        with self._engine.begin() as connection:
            connection.execute(EXECUTORS.update().where(mine).values(beat_at=STOPPED))

    def touch(self, executor: str) -> None:
        """Writes without changing anything, to find out whether the database is writable.

        :raises StoreError: if writes would be lost
        """
        check_file(self._engine)
        with self._engine.begin() as connection:
            connection.execute(EXECUTORS.update().where(EXECUTORS.c.executor == executor).values(executor=executor))

    def versions(self) -> dict[str, str]:
        """The version of each executor that is alive or not yet recovered, by its id."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(EXECUTORS.c.executor, EXECUTORS.c.version)).all()
        return {row.executor: row.version for row in rows}


def _alone(connection: Connection, executor: str) -> Pulse:
    others: Any = connection.execute(sa.select(EXECUTORS.c.executor).order_by(EXECUTORS.c.started_at)).scalars()
    return Pulse(is_alive=True, leads=True, dead=tuple(each for each in others if each != executor))
