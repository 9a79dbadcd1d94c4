"""Missed deliveries: how far they have been looked for, what was asked for again, which repositories there are.

All calls block: whoever calls them is in a thread.
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
    """That something was asked for again.

    :param delivery_id: the failed try that was asked for last
    :param times: how often it was asked for
    :param at: when last
    """

    delivery_id: int
    times: int
    at: datetime


class MissedDeliveries:
    """What is to be remembered about them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # How far one has looked

    def looked(self, source: str) -> datetime | None:
        """Up to when a source is known to hold nothing that is still to be done; None where nobody ever looked."""
        query = sa.select(LOOKED_FOR.c.until).where(LOOKED_FOR.c.source == source)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else aware(found)

    def note_looked(self, source: str, *, until: datetime) -> None:
        values = {"until": until.astimezone(UTC)}
        statement = insert(self._engine, LOOKED_FOR).values(source=source, **values)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))

    # What was asked for again

    def asked(self, guids: Collection[str]) -> dict[str, Asked]:
        """Those of them that were asked for."""
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
        """What was asked for last before that moment."""
        with self._engine.begin() as connection:
            connection.execute(REDELIVERIES.delete().where(REDELIVERIES.c.asked_at < before.astimezone(UTC)))

    # The repositories

    def repositories(self) -> dict[str, datetime]:
        """Those that deliveries came from, and since when they are known."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(SEEN_REPOSITORIES).order_by(SEEN_REPOSITORIES.c.repository)).all()
        return {row.repository: aware(row.seen_at) for row in rows}

    def see(self, repository: str, *, at: datetime) -> None:
        """A delivery came from there; what is known already stays as it is."""
        statement = insert(self._engine, SEEN_REPOSITORIES).values(repository=repository, seen_at=at.astimezone(UTC))
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_nothing())
