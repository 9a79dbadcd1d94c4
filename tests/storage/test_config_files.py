"""The last good version of each config file, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.errors import StoreError
from bot.storage.config_files import ConfigFiles
from bot.storage.tables import CONFIG_FILES

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SHOP = "octo/shop/.github/codegen-bot.yml"
SHARED = "octo/.github/codegen-bot.yml"


async def test_find_distinguishes_absent_from_unknown_files(database: Engine) -> None:
    files = ConfigFiles(database)
    await files.keep("Octo/Shop/.github/codegen-bot.yml", "prefix: /bot", at=NOON)
    await files.keep(SHARED, None, at=NOON)

    found = await files.find([SHOP.upper(), SHARED, "octo/docs/.github/codegen-bot.yml"])

    assert found == {SHOP: "prefix: /bot", SHARED: None}


async def test_keep_replaces_the_version_before(database: Engine) -> None:
    files = ConfigFiles(database)
    for text in ("prefix: /a", None, "prefix: /c"):
        await files.keep(SHOP, text, at=NOON)
        assert await files.find([SHOP]) == {SHOP: text}


async def test_keep_notes_once_a_day_that_a_file_is_the_same(database: Engine) -> None:
    files = ConfigFiles(database)

    def read_at() -> str:
        with database.connect() as connection:
            found: datetime = connection.execute(sa.select(CONFIG_FILES.c.read_at)).scalar_one()
        return found.strftime("%d %H:%M")

    moments = []
    for hours in (0, 23, 24):
        await files.keep(SHOP, "", at=NOON + timedelta(hours=hours))
        moments.append(read_at())

    assert moments == ["04 12:00", "04 12:00", "05 12:00"]


@pytest.mark.parametrize("limit", [{"most_files": 2}, {"largest_sum": 21}], ids=str)
async def test_keep_forgets_what_was_read_longest_ago(database: Engine, limit: dict[str, int]) -> None:
    files = ConfigFiles(database, **limit)
    sources = ["a", "b", "c", "d"]
    for minutes, source in enumerate(sources):
        await files.keep(source, "0123456789", at=NOON + timedelta(minutes=minutes))

    assert sorted(await files.find(sources)) == ["c", "d"]


async def test_database_without_the_table_is_a_store_error(bare_database: Engine) -> None:
    files = ConfigFiles(bare_database)
    with pytest.raises(StoreError, match="Error"):
        await files.find([SHOP])
    with pytest.raises(StoreError, match="Error"):
        await files.keep(SHOP, None, at=NOON)
