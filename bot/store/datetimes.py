"""Times as a database returns them: SQLite drops the time zone, which is UTC for everything that is stored."""

from __future__ import annotations

from datetime import UTC, datetime


def aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
