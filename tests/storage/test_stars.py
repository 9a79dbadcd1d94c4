"""The team's stars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Engine

from bot.storage.models import Star
from bot.storage.runs import Stars

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class TestStars:
    """The same on SQLite and on PostgreSQL."""

    async def test_star_is_set_once_and_remembers_who_set_it(self, database: Engine) -> None:
        stars = Stars(database)
        assert await stars.add(1, 7, login="bob", at=NOON)
        assert not await stars.add(1, 7, login="alice", at=NOON + timedelta(hours=1))
        assert await stars.all(1) == [Star(7, "bob", NOON)]

    async def test_newest_star_comes_first(self, database: Engine) -> None:
        stars = Stars(database)
        for run_id, hour in ((7, 2), (8, 3), (9, 1)):
            await stars.add(1, run_id, login="bob", at=NOON + timedelta(hours=hour))
        assert [star.run_id for star in await stars.all(1)] == [8, 7, 9]

    async def test_removing_stars_returns_which_there_were(self, database: Engine) -> None:
        stars = Stars(database)
        await stars.add(1, 7, login="bob", at=NOON)
        assert await stars.remove(1, [7, 8]) == [7]
        assert await stars.remove(1, [7, 8]) == []
        assert await stars.remove(1, []) == []

    async def test_starred_of_reads_only(self, database: Engine) -> None:
        stars = Stars(database)
        for run_id in (9, 7):
            await stars.add(1, run_id, login="bob", at=NOON)
        for _ in range(2):
            assert await stars.which(1, [7, 8, 9]) == [7, 9]
        assert await stars.which(2, [7]) == await stars.which(1, []) == []

    async def test_organizations_do_not_see_each_others_stars(self, database: Engine) -> None:
        stars = Stars(database)
        await stars.add(1, 7, login="bob", at=NOON)
        assert await stars.all(2) == []
        assert await stars.remove(2, [7]) == []
