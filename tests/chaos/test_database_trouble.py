"""The database is locked, full, read-only or missing: the start reports it in one sentence, or deliveries
are refused until it is mended, so that delivering them again loses nothing."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.execution.outcome import ExitStatus
from tests.chaos.process import Bot
from tests.chaos.user_actions import first_day
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.harness import TIMEOUT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and capabilities as Linux has them")

FILE = "codegen-bot.sqlite"

AS_ANYBODY = () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Before a command: drops the privilege by which root may write everywhere."""

WITHOUT_ROOM = ("prlimit", "--fsize=0")
"""A file that may not grow is what a full disk looks like to SQLite."""

UNUSABLE = "DATABASE_URL names a database that cannot be used: "
UNWRITABLE = f"DATABASE_URL names the file {FILE}, which cannot be written: Permission denied.\n"


# At start


async def test_start_reports_database_file_without_write_access(tmp_path: Path) -> None:
    (tmp_path / FILE).touch(mode=0o444)
    assert await _start_error(tmp_path, *AS_ANYBODY) == UNWRITABLE


async def test_start_reports_database_folder_without_write_access(tmp_path: Path) -> None:
    """SQLite makes files of its own beside the database."""
    tmp_path.chmod(0o555)  # noqa: ASYNC240 - nothing else runs
    assert await _start_error(tmp_path, *AS_ANYBODY) == UNWRITABLE
    (tmp_path / FILE).touch()
    assert (await _start_error(tmp_path, *AS_ANYBODY)).startswith(UNUSABLE)


async def test_start_reports_full_disk(tmp_path: Path) -> None:
    assert (await _start_error(tmp_path, *WITHOUT_ROOM)).startswith(UNUSABLE)


async def test_start_reports_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    assert await _start_error(tmp_path) == f"{UNUSABLE}file is not a database.\n"


async def test_start_reports_locked_database(tmp_path: Path) -> None:
    with _locked(tmp_path):
        assert await _start_error(tmp_path) == f"{UNUSABLE}database is locked.\n"


# While it serves


async def test_full_disk_refuses_deliveries_and_loses_none(tmp_path: Path) -> None:
    async with both_worlds() as worlds, _serving(worlds, tmp_path) as bot:
        with _disk_full(bot):
            for action in first_day():
                worlds.perform(action)
            await worlds.github.idle()
            refused = [each for each in worlds.github.deliveries if each.status_code]
            assert {each.status_code for each in refused} == {200, 503}
            assert not worlds.replies()
            assert await _is_ready(worlds) == 503
        assert await _is_ready(worlds) == 200
        worlds.redeliver_missed()
        await settled(worlds)


async def test_locked_database_fails_deliveries_and_loses_none(tmp_path: Path) -> None:
    """Whether the bot or GitHub is the first to give up: GitHub shows it as failed."""
    async with both_worlds() as worlds, _serving(worlds, tmp_path):
        with _locked(tmp_path):
            worlds.perform(next(first_day()))
            await worlds.github.idle()
            (failed,) = worlds.missed()
            assert failed.status_code in {0, 503}
            assert not worlds.replies()
        worlds.redeliver_missed()
        await settled(worlds)


async def test_jobs_resume_once_the_disk_has_room(tmp_path: Path) -> None:
    async with both_worlds() as worlds, _serving(worlds, tmp_path) as bot:
        worlds.codegen.control.fault(path="/agent/run$", method="POST", action="hang", after_work=True, delay=0.5)
        worlds.perform(next(first_day()))
        await worlds.codegen.run_created(3)
        with _disk_full(bot):
            await _until_it_fails(bot)
        await settled(worlds)


# How


async def _start_error(folder: Path, *under: str) -> str:
    """The error of a server that cannot start."""
    process = await asyncio.create_subprocess_exec(
        *under,
        *(sys.executable, "-m", "bot", "serve"),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "CODEGEN_API_TOKEN": "sk-org1-chaos",
            "CODEGEN_ORG_ID": "1",
            "GITHUB_TOKEN": "bot-token",
            "GITHUB_WEBHOOK_SECRET": "secret",
            "PORT": "0",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == ExitStatus.USAGE
    assert said.count(b"\n") == 1
    return said.decode()


@asynccontextmanager
async def _serving(worlds: Worlds, folder: Path) -> AsyncIterator[Bot]:
    bot = Bot(worlds, folder)
    async with bot.reporting(0):
        await bot.start()
        yield bot


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Locked by another program, such as a shell or a backup."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def _disk_full(bot: Bot) -> Iterator[None]:
    """No file that the bot writes may grow; its log goes through a pipe."""
    resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def _is_ready(worlds: Worlds) -> int:
    """The status of ``/readyz``."""
    assert worlds.github.webhooks.url is not None
    address = worlds.github.webhooks.url.replace("/webhooks/github", "/readyz")
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status


async def _until_it_fails(bot: Bot) -> None:
    """Waits until a workflow has met the full disk; the job queue also writes, by itself, which jobs were started."""
    async with asyncio.timeout(TIMEOUT):
        while not any("disk I/O error" in line and "job_queue." not in line for line in bot.said):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
