"""Events deferred until the config of their repository can be read; until then they may or may not be commands."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.store.datetimes import aware
from bot.store.tables import DEFERRED_EVENTS, insert

MOST_OF_A_REPOSITORY = 100

MOST = 1_000

LARGEST_SUM = 32 * 2**20
"""Characters of all events together."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """A deferred event.

    :param key: the same for the same event
    :param at: since when it has been deferred
    """

    key: str
    repository: str
    at: datetime


class DeferredEvents:
    """The table of these events. All calls block; call them in a thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        most_of_a_repository: int = MOST_OF_A_REPOSITORY,
        most: int = MOST,
        largest_sum: int = LARGEST_SUM,
    ) -> None:
        self._engine = engine
        self._most_of_a_repository = most_of_a_repository
        self._most = most
        self._largest_sum = largest_sum

    def add(self, repository: str, document: dict[str, Any], *, at: datetime) -> bool:
        """Stores an event; idempotent.

        :param document: plain JSON
        :returns: whether it is stored; there may be too many
        """
        text = json.dumps(document, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        table = DEFERRED_EVENTS.c
        with self._engine.begin() as connection:
            if connection.execute(sa.select(table.key).where(table.key == key)).first():
                return True
            of_repository, total, size = connection.execute(
                sa.select(
                    sa.func.coalesce(sa.func.sum(sa.case((table.repository == repository.lower(), 1), else_=0)), 0),
                    sa.func.count(),
                    sa.func.coalesce(sa.func.sum(sa.func.length(table.document)), 0),
                )
            ).one()
            if of_repository >= self._most_of_a_repository or total >= self._most:
                return False
            if size + len(text) > self._largest_sum:
                return False
            values = {
                "key": key,
                "repository": repository.lower(),
                "document": text,
                "deferred_at": at.astimezone(UTC),
            }
            connection.execute(insert(self._engine, DEFERRED_EVENTS).values(values).on_conflict_do_nothing())
        return True

    def all(self) -> list[Deferred]:
        """All of them, the longest deferred first."""
        table = DEFERRED_EVENTS.c
        query = sa.select(table.key, table.repository, table.deferred_at).order_by(table.deferred_at, table.key)
        with self._engine.connect() as connection:
            return [Deferred(row.key, row.repository, aware(row.deferred_at)) for row in connection.execute(query)]

    def document(self, key: str) -> dict[str, Any] | None:
        """The stored event; None if it is gone."""
        query = sa.select(DEFERRED_EVENTS.c.document).where(DEFERRED_EVENTS.c.key == key)
        with self._engine.connect() as connection:
            text = connection.execute(query).scalar()
        return None if text is None else dict(json.loads(text))

    def remove(self, key: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(DEFERRED_EVENTS.delete().where(DEFERRED_EVENTS.c.key == key))
