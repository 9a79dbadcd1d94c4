"""Which agent runs were started or resumed on which thread."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.tables import THREAD_RUNS, insert


class ThreadRuns:
    """The table of runs by thread. SQLAlchemy is called in a thread, so that the loop never blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def remember(self, org_id: int, run_id: int, *, repository: str, number: int) -> None:
        """Records that the thread used the run just now. A repetition changes nothing but the time.

        :param repository: ``owner/name``
        :param number: the issue's or pull request's number
        """
        await asyncio.to_thread(self._remember, org_id, run_id, repository, number)

    def _remember(self, org_id: int, run_id: int, repository: str, number: int) -> None:
        values = {"org_id": org_id, "run_id": run_id, "repository": repository, "number": number}
        now = {"used_at": datetime.now(UTC)}
        # One statement: two commands of one thread may resume the same run at the same time.
        statement = insert(self._engine, THREAD_RUNS).values(values | now)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=[*values], set_=now))

    async def latest(self, org_id: int, *, repository: str, number: int) -> int | None:
        """The run that the thread used last, or None."""
        return next(iter(await self.of_thread(org_id, repository=repository, number=number)), None)

    async def of_thread(self, org_id: int, *, repository: str, number: int) -> list[int]:
        """The thread's runs, the last used first."""
        return await asyncio.to_thread(self._of_thread, org_id, repository, number)

    def _of_thread(self, org_id: int, repository: str, number: int) -> list[int]:
        table = THREAD_RUNS.c
        wanted = (table.org_id == org_id, table.repository == repository, table.number == number)
        query = sa.select(table.run_id).where(*wanted).order_by(table.used_at.desc(), table.run_id.desc())
        with self._engine.connect() as connection:
            return [*connection.execute(query).scalars()]

    async def used_in(self, org_id: int, run_ids: Collection[int], *, repository: str) -> set[int]:
        """Those of the runs that any thread of the repository has used.

        :param repository: in whatever case
        """
        return await asyncio.to_thread(self._used_in, org_id, run_ids, repository)

    def _used_in(self, org_id: int, run_ids: Collection[int], repository: str) -> set[int]:
        table = THREAD_RUNS.c
        wanted = (
            table.org_id == org_id,
            table.run_id.in_([*run_ids]),
            sa.func.lower(table.repository) == repository.lower(),
        )
        with self._engine.connect() as connection:
            return {*connection.execute(sa.select(table.run_id).where(*wanted)).scalars()}
