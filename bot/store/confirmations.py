"""Pending confirmations."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.datetimes import aware
from bot.store.tables import CONFIRMATIONS, insert


class Confirmations:
    """Commands that wait for a confirmation. SQLAlchemy is called in a thread, so that the loop never blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ask(self, identity: str, *, login: str, repository: str, number: int, at: datetime) -> None:
        """Records that a command waits; idempotent."""
        values = {
            "identity": identity,
            "login": login.lower(),
            "repository": repository.lower(),
            "number": number,
            "at": at.astimezone(UTC),
            "state": "waiting",
        }
        await asyncio.to_thread(self._ask, values)

    def _ask(self, values: dict[str, object]) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(self._engine, CONFIRMATIONS).values(values).on_conflict_do_nothing())

    async def confirm(self, *, login: str, repository: str, number: int) -> list[str]:
        """Confirms all commands of a person that wait on a thread.

        :returns: their identities
        """
        return await asyncio.to_thread(self._confirm, login.lower(), repository.lower(), number)

    def _confirm(self, login: str, repository: str, number: int) -> list[str]:
        table = CONFIRMATIONS.c
        mine = sa.and_(
            table.login == login, table.repository == repository, table.number == number, table.state == "waiting"
        )
        statement = CONFIRMATIONS.update().where(mine).values(state="confirmed").returning(table.identity)
        with self._engine.begin() as connection:
            return sorted(connection.execute(statement).scalars())

    async def is_confirmed(self, identity: str) -> bool:
        return await asyncio.to_thread(self._is_confirmed, identity)

    def _is_confirmed(self, identity: str) -> bool:
        query = sa.select(CONFIRMATIONS.c.state).where(CONFIRMATIONS.c.identity == identity)
        with self._engine.connect() as connection:
            return bool(connection.execute(query).scalar() == "confirmed")

    async def asked_at(self, identity: str) -> datetime | None:
        return await asyncio.to_thread(self._asked_at, identity)

    def _asked_at(self, identity: str) -> datetime | None:
        query = sa.select(CONFIRMATIONS.c.at).where(CONFIRMATIONS.c.identity == identity)
        with self._engine.connect() as connection:
            found: datetime | None = connection.execute(query).scalar()
        return None if found is None else aware(found)

    async def forget(self, identity: str) -> None:
        """Deletes it, whether it was confirmed or not."""
        await asyncio.to_thread(self._forget, identity)

    def _forget(self, identity: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(CONFIRMATIONS.delete().where(CONFIRMATIONS.c.identity == identity))
