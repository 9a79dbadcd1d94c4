"""State of the search for missed deliveries: how far it got, what was redelivered, which repositories are known.

All calls block; call them in a thread.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.datetimes import aware
from bot.store.tables import LOOKED_FOR, REDELIVERIES, SEEN_REPOSITORIES, insert


@dataclass(frozen=True, slots=True)
class Asked:
    """A requested redelivery.

    :param delivery_id: the failed attempt whose redelivery was requested last
    :param times: how often it was requested
    :param at: when last
    """

    delivery_id: int
    times: int
    at: datetime


class MissedDeliveries:
    """The tables of missed deliveries."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Progress

    def looked(self, source: str) -> datetime | None:
        """The time up to which nothing of a source is left to be done; None if it was never searched."""
        query = sa.select(LOOKED_FOR.c.until).where(LOOKED_FOR.c.source == source)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else aware(found)

    def note_looked(self, source: str, *, until: datetime) -> None:
        values = {"until": until.astimezone(UTC)}
        statement = insert(self._engine, LOOKED_FOR).values(source=source, **values)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))

    # Requested redeliveries

    def asked(self, guids: Collection[str]) -> dict[str, Asked]:
        """The requested redeliveries among these deliveries."""
        query = sa.select(REDELIVERIES).where(REDELIVERIES.c.guid.in_([*guids]))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return {row.guid: Asked(row.delivery_id, row.times, aware(row.asked_at)) for row in rows}

    def note_asked(self, guid: str, asked: Asked) -> None:
        values = {"delivery_id": asked.delivery_id, "times": asked.times, "asked_at": asked.at.astimezone(UTC)}
        statement = insert(self._engine, REDELIVERIES).values(guid=guid, **values)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["guid"], set_=values))

    def forget(self, *, before: datetime) -> None:
        """Deletes redeliveries last requested before that time."""
        with self._engine.begin() as connection:
            connection.execute(REDELIVERIES.delete().where(REDELIVERIES.c.asked_at < before.astimezone(UTC)))

    # Repositories

    def repositories(self) -> dict[str, datetime]:
        """The repositories that deliveries came from, and since when they are known."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(SEEN_REPOSITORIES).order_by(SEEN_REPOSITORIES.c.repository)).all()
        return {row.repository: aware(row.seen_at) for row in rows}

    def see(self, repository: str, *, at: datetime) -> None:
        """Adds a repository from which a delivery came; a known one stays unchanged."""
        statement = insert(self._engine, SEEN_REPOSITORIES).values(repository=repository, seen_at=at.astimezone(UTC))
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_nothing())
