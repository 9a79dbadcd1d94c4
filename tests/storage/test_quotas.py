"""Agent runs a day."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Engine

from bot.storage.limits import QuotaStore
from bot.storage.models import Budget, Quota, QuotaExceeded

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
NO_LIMITS = Quota(person=None, thread=None, repository=None)


class TestSpending:
    """The same on SQLite and on PostgreSQL."""

    @staticmethod
    async def charge(
        database: Engine,
        identity: str,
        *,
        login: str = "bob",
        repository: str = "octo/shop",
        number: int = 1,
        runs: int = 1,
        at: datetime = NOON,
        limits: Quota = NO_LIMITS,
    ) -> QuotaExceeded | None:
        return await QuotaStore(database).charge(
            identity, login=login, repository=repository, number=number, runs=runs, at=at, limits=limits
        )

    async def test_limit_stands_in_the_way_when_it_would_be_passed(self, database: Engine) -> None:
        limits = Quota(person=3, thread=None, repository=None)
        assert await self.charge(database, "a", runs=2, limits=limits) is None
        assert await self.charge(database, "b", runs=2, limits=limits) == QuotaExceeded(Budget.PERSON, 3, 2)
        assert await self.charge(database, "c", runs=1, limits=limits) is None

    async def test_each_budget_counts_what_is_its_own(self, database: Engine) -> None:
        await self.charge(database, "a")
        await self.charge(database, "b", login="alice", number=2)
        await self.charge(database, "c", repository="octo/other")

        two = Quota(person=1, thread=2, repository=2)
        assert await self.charge(database, "d", login="BOB", number=3, limits=two) == QuotaExceeded(Budget.PERSON, 1, 1)
        assert await self.charge(database, "e", login="carol", number=3, limits=two) == QuotaExceeded(
            Budget.REPOSITORY, 2, 2
        )
        one = Quota(person=None, thread=1, repository=None)
        assert await self.charge(database, "f", login="carol", number=2, limits=one) == QuotaExceeded(
            Budget.THREAD, 1, 1
        )

    async def test_same_invocation_is_counted_once(self, database: Engine) -> None:
        limits = Quota(person=1, thread=1, repository=1)
        for _ in range(3):
            assert await self.charge(database, "a", limits=limits) is None

    async def test_new_day_starts_at_midnight_utc(self, database: Engine) -> None:
        limits = Quota(person=1, thread=None, repository=None)
        assert await self.charge(database, "a", at=NOON.replace(hour=23, minute=59), limits=limits) is None
        midnight = NOON.replace(hour=0) + timedelta(days=1)
        assert await self.charge(database, "b", at=midnight, limits=limits) is None

    async def test_two_at_once_do_not_both_take_the_last_run(self, database: Engine) -> None:
        limits = Quota(person=None, thread=None, repository=5)
        answers = await asyncio.gather(*(self.charge(database, f"order-{n}", limits=limits) for n in range(20)))
        assert answers.count(None) == 5
