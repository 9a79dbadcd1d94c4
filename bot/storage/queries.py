"""Runs statements on the bot's tables, in transactions and in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreError

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T]) -> T:
    """Runs `work` in a thread. Even if cancelled, it returns only when `work` has ended: nothing is written after the
    caller has closed the database."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        raise


def reason(error: Exception) -> str:
    """The first line of the database's own error message, without the statement and its values."""
    text = str(error) if isinstance(error, StoreError) else str(getattr(error, "orig", None) or "").strip()
    return (text or type(error).__name__).splitlines()[0].rstrip(".")


class Store:
    """Base of the stores. Their coroutines run SQLAlchemy in a thread, so that the loop never blocks; their other
    methods block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _insert(self, table: sa.Table) -> Any:
        """An insert that supports ON CONFLICT, which both dialects name the same."""
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415 - SQLite's users need none of it

            return insert(table)
        return sqlite.insert(table)

    def _upsert(
        self,
        table: sa.Table,
        key: Mapping[str, Any],
        values: Mapping[str, Any],
        *,
        where: sa.ColumnElement[bool] | None = None,
    ) -> Any:
        """Inserts a row, or changes these values of the one with this key.

        :param where: leaves that row unchanged unless this holds for it
        """
        statement = self._insert(table).values({**key, **values})
        return statement.on_conflict_do_update(index_elements=[*key], set_=values, where=where)

    def _execute(self, *statements: sa.Executable) -> Sequence[Row[*tuple[Any, ...]]]:
        """Executes statements in one transaction. Blocking.

        :returns: the rows of the last one
        """
        rows: Sequence[Row[*tuple[Any, ...]]] = []
        with self._engine.begin() as connection:
            for statement in statements:
                result = connection.execute(statement)
                rows = result.all() if result.returns_rows else []
        return rows

    async def _run(self, *statements: sa.Executable) -> Sequence[Row[*tuple[Any, ...]]]:
        """The same in a thread.

        :raises StoreError: if the database fails
        """
        return await self._in_thread(partial(self._execute, *statements))

    async def _transaction(self, work: Callable[[Connection], T]) -> T:
        """Does what takes several statements, in one transaction and in a thread.

        :raises StoreError: if the database fails
        """

        def transact() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        return await self._in_thread(transact)

    @staticmethod
    async def _in_thread(work: Callable[[], T]) -> T:
        try:
            return await run_in_thread(work)
        except SQLAlchemyError as error:
            raise StoreError(type(error).__name__) from None


class BlockingStore(Store):
    """Base of the stores of which all methods block, and raise `StoreError` if the database fails."""

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """A transaction."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(reason(error)) from None
