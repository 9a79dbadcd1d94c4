"""How many agent runs were started today, by whom and where."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from bot.store.locks import exclude_others
from bot.store.models import Budget, Quota, QuotaExceeded
from bot.store.tables import QUOTA_USE, insert


class QuotaStore:
    """A day is a UTC day. SQLAlchemy is called in a thread, so that the loop never blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def spend(
        self, identity: str, *, login: str, repository: str, number: int, runs: int, at: datetime, limits: Quota
    ) -> QuotaExceeded | None:
        """Counts these runs, unless a quota would be exceeded; the same identity is counted once.

        :returns: the exceeded quota; None if the runs are counted
        """
        values = {
            "identity": identity,
            "login": login.lower(),
            "repository": repository.lower(),
            "number": number,
            "runs": runs,
            "at": at.astimezone(UTC),
        }
        return await asyncio.to_thread(self._spend, values, limits)

    def _spend(self, values: dict[str, object], limits: Quota) -> QuotaExceeded | None:
        at = values["at"]
        assert isinstance(at, datetime)  # noqa: S101 - the caller has set it
        today = at.replace(hour=0, minute=0, second=0, microsecond=0)
        table = QUOTA_USE.c
        with self._engine.begin() as connection:
            # The first statement writes (`exclude_others`): two concurrent commands must not both take the last run.
            connection.execute(QUOTA_USE.delete().where(table.at < today - timedelta(days=1)))
            exclude_others(connection, str(values["repository"]))
            if connection.execute(sa.select(table.runs).where(table.identity == values["identity"])).first():
                return None
            here = [table.repository == values["repository"], table.at >= today]
            for budget, limit, wanted in (
                (Budget.PERSON, limits.person, [*here, table.login == values["login"]]),
                (Budget.THREAD, limits.thread, [*here, table.number == values["number"]]),
                (Budget.REPOSITORY, limits.repository, here),
            ):
                used = _used(connection, wanted) if limit is not None else 0
                if limit is not None and used + int(str(values["runs"])) > limit:
                    return QuotaExceeded(budget, limit, used)
            connection.execute(insert(self._engine, QUOTA_USE).values(values).on_conflict_do_nothing())
        return None


def _used(connection: Connection, wanted: list[sa.ColumnElement[bool]]) -> int:
    return int(
        connection.execute(sa.select(sa.func.coalesce(sa.func.sum(QUOTA_USE.c.runs), 0)).where(*wanted)).scalar_one()
    )
