"""Deliveries: the search for missed ones, and events that wait for a config. All calls block."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.storage.queries import Store
from bot.storage.tables import DEFERRED_EVENTS, KNOWN_REPOSITORIES, REDELIVERIES, SEARCH_PROGRESS

MOST_OF_A_REPOSITORY = 100

MOST = 1_000

LARGEST_SUM = 32 * 2**20
"""Characters of all deferred events together."""


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A requested redelivery.

    :param delivery_id: the failed attempt whose redelivery was requested last
    :param requests: how often it was requested
    :param requested_at: when last
    """

    delivery_id: int
    requests: int
    requested_at: datetime


class MissedDeliveries(Store):
    """How far the search for missed deliveries got, what was redelivered, and which repositories are known."""

    def searched_until(self, source: str) -> datetime | None:
        """The time up to which nothing of a source is left to be done; None if it was never searched."""
        query = sa.select(SEARCH_PROGRESS.c.searched_until).where(SEARCH_PROGRESS.c.source == source)
        return next((row.searched_until for row in self._execute(query)), None)

    def set_searched(self, source: str, *, until: datetime) -> None:
        self._execute(self._upsert(SEARCH_PROGRESS, {"source": source}, {"searched_until": until}))

    def redeliveries(self, guids: Collection[str]) -> dict[str, Redelivery]:
        """The requested redeliveries among these deliveries."""
        rows = self._execute(sa.select(REDELIVERIES).where(REDELIVERIES.c.guid.in_([*guids])))
        return {row.guid: Redelivery(row.delivery_id, row.requests, row.requested_at) for row in rows}

    def set_redelivery(self, guid: str, redelivery: Redelivery) -> None:
        values = {
            "delivery_id": redelivery.delivery_id,
            "requests": redelivery.requests,
            "requested_at": redelivery.requested_at,
        }
        self._execute(self._upsert(REDELIVERIES, {"guid": guid}, values))

    def forget(self, *, before: datetime) -> None:
        """Deletes redeliveries last requested before that time."""
        self._execute(REDELIVERIES.delete().where(REDELIVERIES.c.requested_at < before))

    def repositories(self) -> dict[str, datetime]:
        """The repositories that deliveries came from, and since when they are known."""
        rows = self._execute(sa.select(KNOWN_REPOSITORIES).order_by(KNOWN_REPOSITORIES.c.repository))
        return {row.repository: row.known_since for row in rows}

    def add_repository(self, repository: str, *, at: datetime) -> None:
        """Adds a repository from which a delivery came; a known one stays unchanged."""
        new = self._insert(KNOWN_REPOSITORIES).values(repository=repository, known_since=at)
        self._execute(new.on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class Deferred:
    """A deferred event.

    :param key: the same for the same event
    :param at: since when it has been deferred
    """

    key: str
    repository: str
    at: datetime


class DeferredEvents(Store):
    """Events deferred until the config of their repository can be read; until then they may or may not be commands."""

    def __init__(
        self,
        engine: Engine,
        *,
        most_of_a_repository: int = MOST_OF_A_REPOSITORY,
        most: int = MOST,
        largest_sum: int = LARGEST_SUM,
    ) -> None:
        super().__init__(engine)
        self._most_of_a_repository = most_of_a_repository
        self._most = most
        self._largest_sum = largest_sum

    def add(self, repository: str, document: dict[str, Any], *, at: datetime) -> bool:
        """Stores an event; idempotent.

        :param document: plain JSON
        :returns: whether it is stored; there may be too many
        """
        text = json.dumps(document, sort_keys=True)
        key, repository, events = hashlib.sha256(text.encode()).hexdigest(), repository.lower(), DEFERRED_EVENTS.c
        of_repository = sa.func.count().filter(events.repository == repository)
        size = sa.func.coalesce(sa.func.sum(sa.func.length(events.document)), 0)
        with self._engine.begin() as connection:
            if connection.execute(sa.select(events.key).where(events.key == key)).first():
                return True
            here, total, used = connection.execute(sa.select(of_repository, sa.func.count(), size)).one()
            if here >= self._most_of_a_repository or total >= self._most or used + len(text) > self._largest_sum:
                return False
            new = self._insert(DEFERRED_EVENTS).values(
                key=key, repository=repository, document=document, deferred_at=at
            )
            connection.execute(new.on_conflict_do_nothing())
        return True

    def all(self) -> list[Deferred]:
        """All of them, the longest deferred first."""
        events = DEFERRED_EVENTS.c
        query = sa.select(events.key, events.repository, events.deferred_at).order_by(events.deferred_at, events.key)
        return [Deferred(row.key, row.repository, row.deferred_at) for row in self._execute(query)]

    def document(self, key: str) -> dict[str, Any] | None:
        """The stored event; None if it is gone."""
        query = sa.select(DEFERRED_EVENTS.c.document).where(DEFERRED_EVENTS.c.key == key)
        return next((row.document for row in self._execute(query)), None)

    def remove(self, key: str) -> None:
        self._execute(DEFERRED_EVENTS.delete().where(DEFERRED_EVENTS.c.key == key))
