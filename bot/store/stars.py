"""The runs that the team has starred."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.datetimes import aware
from bot.store.models import Star
from bot.store.tables import STARS, insert


class Stars:
    """The stars of all organizations. SQLAlchemy is called in a thread, so that the loop never blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(
        self,
        org_id: int,
        run_id: int,
        *,
        login: str,
        at: datetime,
        threads: Sequence[tuple[str, int]] = (),  # noqa: ARG002 - the database needs no label
    ) -> bool:
        """Stars a run; one that is starred already keeps its first star.

        :returns: whether it was not starred before
        """
        values = {"org_id": org_id, "run_id": run_id, "login": login, "at": at.astimezone(UTC)}
        return await asyncio.to_thread(self._add, values)

    def _add(self, values: dict[str, object]) -> bool:
        statement = insert(self._engine, STARS).values(values).on_conflict_do_nothing().returning(STARS.c.run_id)
        with self._engine.begin() as connection:
            return connection.execute(statement).first() is not None

    async def which(
        self,
        org_id: int,
        run_ids: Collection[int],
        *,
        threads: Sequence[tuple[str, int]] = (),  # noqa: ARG002 - the same
    ) -> list[int]:
        """Those of the runs that are starred."""
        return await asyncio.to_thread(self._which, org_id, run_ids)

    def _which(self, org_id: int, run_ids: Collection[int]) -> list[int]:
        wanted = sa.and_(STARS.c.org_id == org_id, STARS.c.run_id.in_([*run_ids]))
        with self._engine.connect() as connection:
            return sorted(connection.execute(sa.select(STARS.c.run_id).where(wanted)).scalars())

    async def remove(
        self,
        org_id: int,
        run_ids: Collection[int],
        *,
        threads: Sequence[tuple[str, int]] = (),  # noqa: ARG002 - the same
    ) -> list[int]:
        """Removes stars.

        :returns: those of the runs that were starred
        """
        return await asyncio.to_thread(self._remove, org_id, run_ids)

    def _remove(self, org_id: int, run_ids: Collection[int]) -> list[int]:
        wanted = sa.and_(STARS.c.org_id == org_id, STARS.c.run_id.in_([*run_ids]))
        with self._engine.begin() as connection:
            starred = connection.execute(sa.select(STARS.c.run_id).where(wanted)).scalars().all()
            connection.execute(STARS.delete().where(wanted))
        return sorted(starred)

    async def all(self, org_id: int, *, repository: str | None = None) -> list[Star]:  # noqa: ARG002 - all repositories
        """All stars, the newest first."""
        return await asyncio.to_thread(self._all, org_id)

    def _all(self, org_id: int) -> list[Star]:
        invocation = (STARS.c.at.desc(), STARS.c.run_id.desc())
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(STARS).where(STARS.c.org_id == org_id).order_by(*invocation)).all()
        # SQLite drops the time zone, PostgreSQL returns its own.
        return [Star(row.run_id, row.login, aware(row.at).astimezone(UTC)) for row in rows]
