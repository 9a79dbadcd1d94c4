"""The database's file is deleted or replaced while the server runs: what could be lost is not taken."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from bot.text.markers import Stage
from tests.harness.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Only a server has a database."""
    async with world_at(tmp_path / "bot.sqlite") as world:
        yield world


def delete(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    copy = file.with_suffix(".copy")
    shutil.copy(file, copy)
    copy.replace(file)


async def status(world: World, method: str, path: str, json: object = None) -> int:
    headers = {"Authorization": "Bearer sk-org1-alice"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{world.url}{path}", headers=headers, json=json) as answer,
    ):
        return answer.status


@pytest.mark.parametrize("do_away_with", [delete, replace])
async def test_database_file_that_is_another(
    world: World, tmp_path: Path, do_away_with: Callable[[Path], None]
) -> None:
    await world.comment("bob", "/codegen help run")
    await world.reply(Stage.FINISHED)
    await world.until_done(1)
    assert await status(world, "GET", "/readyz") == 200

    do_away_with(tmp_path / "bot.sqlite")
    assert await status(world, "GET", "/readyz") == 503
    assert await status(world, "GET", "/healthz") == 200
    multi_run = {"prompt": "fix it", "concurrency": 1}
    assert await status(world, "POST", "/organizations/1/multi-run", json=multi_run) == 503
    await world.comment("bob", "/codegen run fix it")
    missed = world.github.deliveries[-1]
    assert missed.status_code == 503
    assert not world.codegen.runs

    await world.restart_bot()
    assert await status(world, "GET", "/readyz") == 200
    world.github.redeliver(missed)
    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
