"""Moments as they come back from a database: SQLite does not keep their zone, which is UTC for all that is written."""

from __future__ import annotations

from datetime import UTC, datetime


def aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
