"""The database's file is deleted or replaced while the server runs: what could be lost is not taken."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from bot.replies.markers import Stage
from tests.conversations.town import Town, town_at


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Only a server has a database."""
    async with town_at(tmp_path / "bot.sqlite") as town:
        yield town


def delete(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    copy = file.with_suffix(".copy")
    shutil.copy(file, copy)
    copy.replace(file)


async def status(town: Town, method: str, path: str, json: object = None) -> int:
    headers = {"Authorization": "Bearer sk-org1-alice"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{town.url}{path}", headers=headers, json=json) as answer,
    ):
        return answer.status


@pytest.mark.parametrize("do_away_with", [delete, replace])
async def test_a_database_file_that_is_another(
    town: Town, tmp_path: Path, do_away_with: Callable[[Path], None]
) -> None:
    await town.says("bob", "/codegen help run")
    await town.reply(Stage.FINISHED)
    assert await status(town, "GET", "/readyz") == 200

    do_away_with(tmp_path / "bot.sqlite")
    assert await status(town, "GET", "/readyz") == 503
    assert await status(town, "GET", "/healthz") == 200
    multi_run = {"prompt": "fix it", "concurrency": 1}
    assert await status(town, "POST", "/organizations/1/multi-run", json=multi_run) == 503
    await town.says("bob", "/codegen run fix it")
    missed = town.github.deliveries[-1]
    assert missed.status_code == 503
    assert not town.codegen.runs

    await town.restart_bot()
    assert await status(town, "GET", "/readyz") == 200
    town.github.redeliver(missed)
    await town.reply(Stage.STARTED)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
