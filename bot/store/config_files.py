"""The last valid version of each config file, for when GitHub does not return it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreError
from bot.store.datetimes import aware
from bot.store.tables import CONFIG_FILES, insert
from bot.store.threads import run_in_thread

MOST_FILES = 10_000
"""Files that are kept, the most recently read; one known to be absent counts too."""

LARGEST_SUM = 64 * 2**20
"""Characters of all files together."""

NOTED_EVERY = timedelta(days=1)
"""The precision of the time at which a file was last read: an unchanged file costs one write a day."""


class ConfigFiles:
    """`bot.handlers.ports.ConfigFiles`. SQLAlchemy is called in a thread, so that the loop never blocks."""

    def __init__(self, engine: Engine, *, most_files: int = MOST_FILES, largest_sum: int = LARGEST_SUM) -> None:
        self._engine = engine
        self._most_files = most_files
        self._largest_sum = largest_sum

    async def find(self, sources: Collection[str]) -> dict[str, str | None]:
        """The stored texts, None for a file known to be absent.

        :raises StoreError: if the database fails
        """
        try:
            return await run_in_thread(partial(self._find, [source.lower() for source in sources]))
        except SQLAlchemyError as error:
            raise StoreError(type(error).__name__) from None

    async def keep(self, source: str, text: str | None, *, at: datetime) -> None:
        """Stores a version.

        :raises StoreError: if the database fails
        """
        try:
            await run_in_thread(partial(self._keep, source.lower(), text, at.astimezone(UTC)))
        except SQLAlchemyError as error:
            raise StoreError(type(error).__name__) from None

    def _find(self, sources: Collection[str]) -> dict[str, str | None]:
        query = sa.select(CONFIG_FILES.c.source, CONFIG_FILES.c.text).where(CONFIG_FILES.c.source.in_(sources))
        with self._engine.connect() as connection:
            return {row.source: row.text for row in connection.execute(query)}

    def _keep(self, source: str, text: str | None, at: datetime) -> None:
        table = CONFIG_FILES.c
        known = sa.select(table.text, table.read_at).where(table.source == source)
        with self._engine.connect() as connection:
            row = connection.execute(known).first()
        if row is not None and row.text == text and at - aware(row.read_at) < NOTED_EVERY:
            return
        values = {"text": text, "read_at": at}
        statement = insert(self._engine, CONFIG_FILES).values(source=source, **values)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))
            connection.execute(self._beyond_the_limits())

    def _beyond_the_limits(self) -> sa.Delete:
        table = CONFIG_FILES.c
        latest = (table.read_at.desc(), table.source)
        length = sa.func.coalesce(sa.func.length(table.text), 0)
        counted = sa.select(
            table.source,
            sa.func.row_number().over(order_by=latest).label("place"),
            sa.func.sum(length).over(order_by=latest).label("size"),
        ).subquery()
        beyond = sa.or_(counted.c.place > self._most_files, counted.c.size > self._largest_sum)
        return CONFIG_FILES.delete().where(table.source.in_(sa.select(counted.c.source).where(beyond)))
