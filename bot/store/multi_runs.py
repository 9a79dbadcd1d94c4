"""Multi-runs requested over HTTP: the request and, once it has ended, the response.

No token is stored: after a restart, the next caller who requests one continues it with their own token.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.database import check_file
from bot.store.tables import MULTI_RUNS, insert

KEPT = timedelta(days=90)


class MultiRuns:
    """The table of multi-runs. SQLAlchemy is called in a thread, so that the loop never blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def remember(self, org_id: int, identity: str, invocation: dict[str, Any], *, at: datetime) -> bool:
        """Stores a request, once.

        :param invocation: plain JSON
        :returns: False if it was there already
        :raises StoreError: if the write would be lost
        """
        return await asyncio.to_thread(self._remember, org_id, identity, invocation, at)

    def _remember(self, org_id: int, identity: str, invocation: dict[str, Any], at: datetime) -> bool:
        check_file(self._engine)
        values = {"org_id": org_id, "identity": identity, "asked": json.dumps(invocation), "at": at.astimezone(UTC)}
        statement = insert(self._engine, MULTI_RUNS).values(values).on_conflict_do_nothing()
        with self._engine.begin() as connection:
            connection.execute(MULTI_RUNS.delete().where(MULTI_RUNS.c.at < at.astimezone(UTC) - KEPT))
            return connection.execute(statement.returning(MULTI_RUNS.c.identity)).first() is not None

    async def end(self, org_id: int, identity: str, answer: dict[str, Any], *, asked: dict[str, Any]) -> None:
        """Stores the response.

        :param asked: the part of the request that is kept
        """
        values = {"asked": json.dumps(asked), "answer": json.dumps(answer)}
        await asyncio.to_thread(self._write, MULTI_RUNS.update().where(self._is(org_id, identity)).values(values))

    async def forget(self, org_id: int, identity: str) -> None:
        await asyncio.to_thread(self._write, MULTI_RUNS.delete().where(self._is(org_id, identity)))

    def _write(self, statement: sa.Update | sa.Delete) -> None:
        with self._engine.begin() as connection:
            connection.execute(statement)

    async def find(self, org_id: int, identity: str) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
        """The request, and the response if there is one."""
        return await asyncio.to_thread(self._find, org_id, identity)

    def _find(self, org_id: int, identity: str) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
        query = sa.select(MULTI_RUNS.c.asked, MULTI_RUNS.c.answer).where(self._is(org_id, identity))
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (json.loads(row.asked), json.loads(row.answer) if row.answer else None)

    @staticmethod
    def _is(org_id: int, identity: str) -> sa.ColumnElement[bool]:
        return sa.and_(MULTI_RUNS.c.org_id == org_id, MULTI_RUNS.c.identity == identity)
