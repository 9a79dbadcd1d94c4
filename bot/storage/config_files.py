"""The last valid version of each config file, for when GitHub does not return it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from bot.storage.queries import Store
from bot.storage.tables import CONFIG_FILES

MOST_FILES = 10_000
"""Files that are stored, the most recently read; one known to be absent counts too."""

LARGEST_SUM = 64 * 2**20
"""Characters of all files together."""

READ_AT_PRECISION = timedelta(days=1)
"""Of the time at which a file was last read: an unchanged file costs one write a day."""


class ConfigFiles(Store):
    """`bot.execution.config_files.ConfigFiles`."""

    def __init__(self, engine: Engine, *, most_files: int = MOST_FILES, largest_sum: int = LARGEST_SUM) -> None:
        super().__init__(engine)
        self._most_files = most_files
        self._largest_sum = largest_sum

    async def find(self, sources: Collection[str]) -> dict[str, str | None]:
        wanted = CONFIG_FILES.c.source.in_([source.lower() for source in sources])
        return {row.source: row.text for row in await self._run(sa.select(CONFIG_FILES).where(wanted))}

    async def keep(self, source: str, text: str | None, *, at: datetime) -> None:
        source = source.lower()
        known = sa.select(CONFIG_FILES).where(CONFIG_FILES.c.source == source)

        def keep(connection: Connection) -> None:
            row = connection.execute(known).first()
            if row is not None and row.text == text and at - row.read_at < READ_AT_PRECISION:
                return
            connection.execute(self._upsert(CONFIG_FILES, {"source": source}, {"text": text, "read_at": at}))
            connection.execute(self._beyond_the_limits())

        await self._transaction(keep)

    def _beyond_the_limits(self) -> sa.Delete:
        files = CONFIG_FILES.c
        latest = (files.read_at.desc(), files.source)
        length = sa.func.coalesce(sa.func.length(files.text), 0)
        counted = sa.select(
            files.source,
            sa.func.row_number().over(order_by=latest).label("position"),
            sa.func.sum(length).over(order_by=latest).label("size"),
        ).subquery()
        beyond = sa.or_(counted.c.position > self._most_files, counted.c.size > self._largest_sum)
        return CONFIG_FILES.delete().where(files.source.in_(sa.select(counted.c.source).where(beyond)))
