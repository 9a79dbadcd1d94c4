"""Which runs a thread has used."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.engine import Engine

from bot.storage.database import open_engine
from bot.storage.migrating import migrate
from bot.storage.runs import ThreadRuns

SHOP = "octo/shop"


@pytest.fixture
def runs(database: Engine) -> ThreadRuns:
    return ThreadRuns(database)


class TestThreadRuns:
    """The same on SQLite and on PostgreSQL."""

    async def test_thread_without_runs_has_no_latest(self, runs: ThreadRuns) -> None:
        assert await runs.latest(1, repository=SHOP, number=1) is None

    async def test_run_used_last_is_the_latest(self, runs: ThreadRuns) -> None:
        """Not the one with the highest number: an old run may be resumed."""
        for run_id in (7, 9, 8):
            await runs.remember(1, run_id, repository=SHOP, number=1)
        assert await runs.latest(1, repository=SHOP, number=1) == 8

    async def test_run_used_again_is_the_latest_again(self, runs: ThreadRuns) -> None:
        for run_id in (7, 9, 7):
            await runs.remember(1, run_id, repository=SHOP, number=1)
        assert await runs.latest(1, repository=SHOP, number=1) == 7

    async def test_threads_repositories_and_organizations_are_kept_apart(self, runs: ThreadRuns) -> None:
        await runs.remember(1, 7, repository=SHOP, number=1)
        assert await runs.latest(1, repository=SHOP, number=2) is None
        assert await runs.latest(1, repository="octo/blog", number=1) is None
        assert await runs.latest(2, repository=SHOP, number=1) is None

    async def test_run_may_belong_to_several_threads(self, runs: ThreadRuns) -> None:
        await runs.remember(1, 7, repository=SHOP, number=1)
        await runs.remember(1, 7, repository=SHOP, number=2)
        await runs.remember(1, 8, repository=SHOP, number=2)
        assert await runs.latest(1, repository=SHOP, number=1) == 7

    async def test_numbers_may_be_large(self, runs: ThreadRuns) -> None:
        """Nothing promises that they stay within 32 bits."""
        await runs.remember(2**40, 2**41, repository=SHOP, number=1)
        assert await runs.latest(2**40, repository=SHOP, number=1) == 2**41

    async def test_two_invocations_may_record_one_run_at_once(self, runs: ThreadRuns, database: Engine) -> None:
        """Two `resume` in one comment do."""
        # Opens the connections first.
        await asyncio.gather(*(runs.latest(1, repository=SHOP, number=1) for _ in range(8)))
        for run_id in range(20):
            await asyncio.gather(*(runs.remember(1, run_id, repository=SHOP, number=1) for _ in range(8)))
        assert await runs.latest(1, repository=SHOP, number=1) == 19

    async def test_used_in_finds_runs_of_any_thread_of_a_repository(self, runs: ThreadRuns) -> None:
        await runs.remember(1, 7, repository=SHOP, number=1)
        await runs.remember(1, 8, repository="Octo/Shop", number=2)
        await runs.remember(1, 9, repository="octo/docs", number=1)
        await runs.remember(2, 10, repository=SHOP, number=1)
        assert await runs.used_in(1, [7, 8, 9, 10, 11], repository="octo/SHOP") == {7, 8}
        assert await runs.used_in(1, [], repository=SHOP) == set()

    async def test_what_was_remembered_outlives_the_process(self, runs: ThreadRuns, database_url: str) -> None:
        await runs.remember(1, 7, repository=SHOP, number=1)
        engine = open_engine(database_url)
        try:
            renewed = ThreadRuns(engine)
            migrate(engine)
            assert await renewed.latest(1, repository=SHOP, number=1) == 7
        finally:
            engine.dispose()

    async def test_several_processes_may_start_at_once(self, bare_database: Engine) -> None:
        await asyncio.gather(*(asyncio.to_thread(migrate, bare_database) for _ in range(4)))
        assert await ThreadRuns(bare_database).latest(1, repository=SHOP, number=1) is None
