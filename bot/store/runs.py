"""Which agent runs were started or resumed on which thread."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

_TABLES = sa.MetaData()

_THREAD_RUNS = sa.Table(
    "codegen_bot_thread_runs",
    _TABLES,
    sa.Column("org_id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("repository", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("codegen_bot_thread_runs_of_thread", "repository", "number", "used_at"),
)


class ThreadRuns:
    """The table of runs by thread. SQLAlchemy is called in a thread, so the loop never waits for a disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self) -> None:
        """Makes the table where it is missing. Blocking; called once, at start."""
        _TABLES.create_all(self._engine)

    async def remember(self, org_id: int, run_id: int, *, repository: str, number: int) -> None:
        """Notes that the thread used the run just now. Doing it twice changes nothing but the time.

        :param repository: ``owner/name``
        :param number: the issue's or pull request's number
        """
        await asyncio.to_thread(self._remember, org_id, run_id, repository, number)

    def _remember(self, org_id: int, run_id: int, repository: str, number: int) -> None:
        key = {"org_id": org_id, "run_id": run_id, "repository": repository, "number": number}
        now = {"used_at": datetime.now(UTC)}
        match_key = [_THREAD_RUNS.c[name] == value for name, value in key.items()]
        with self._engine.begin() as connection:
            if connection.execute(_THREAD_RUNS.update().where(*match_key).values(now)).rowcount == 0:
                connection.execute(_THREAD_RUNS.insert().values(key | now))

    async def latest(self, org_id: int, *, repository: str, number: int) -> int | None:
        """The run that the thread used last, or None."""
        return await asyncio.to_thread(self._latest, org_id, repository, number)

    def _latest(self, org_id: int, repository: str, number: int) -> int | None:
        table = _THREAD_RUNS.c
        wanted = (table.org_id == org_id, table.repository == repository, table.number == number)
        query = sa.select(table.run_id).where(*wanted).order_by(table.used_at.desc(), table.run_id.desc()).limit(1)
        with self._engine.connect() as connection:
            run_id: int | None = connection.execute(query).scalar()
        return run_id

    async def check(self) -> None:
        """Raises SQLAlchemy's error where the database does not answer."""
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(sa.select(1))
