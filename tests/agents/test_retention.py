"""The logs of old runs are deleted now and then."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from bot.agents.retention import INTERVAL, RETENTION, delete_old_logs
from bot.errors import StoreError

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Store:
    """Has this many logs to delete, ten at a time; fails once."""

    def __init__(self, logs: int) -> None:
        self.logs = logs
        self.asked: list[datetime] = []

    def delete_old_logs(self, *, before: datetime) -> int:
        self.asked.append(before)
        if len(self.asked) == 1:
            raise StoreError("locked")
        deleted = min(self.logs, 10)
        self.logs -= deleted
        return deleted


async def test_all_old_logs_are_deleted_whatever_fails() -> None:
    store, slept = Store(25), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await delete_old_logs(store, now=lambda: NOW, sleep=sleep)
    assert (store.logs, slept) == (0, [INTERVAL, INTERVAL])
    assert {*store.asked} == {NOW - RETENTION}
    assert len(store.asked) == 5
