"""Work on texts is done in processes of its own, which end with it, with the bot, and when nobody needs them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from bot.errors import OffloadError, WorkLimitError
from bot.text.offload.pool import WorkerPool
from tests.harness import TIMEOUT
from tests.text.offload import work


@asynccontextmanager
async def a_pool(
    *, limit: float = 30.0, most: int = 2, inline: int = 0, idle: float = 60.0
) -> AsyncIterator[WorkerPool]:
    """All work goes to workers, however small it is."""
    pool = WorkerPool(limit=limit, most=most, inline=inline, idle=idle)
    try:
        yield pool
    finally:
        await pool.aclose()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Somebody else's child stays as a zombie until its new parent looks at it.
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


async def test_short_work_is_done_here_and_long_work_elsewhere() -> None:
    async with a_pool(inline=4_096) as pool:
        assert await pool.run(partial(work.process_id, "a" * 1_000)) == os.getpid()
        worker = await pool.run(partial(work.process_id, "a" * 10_000))
        assert worker != os.getpid()
        assert await pool.run(partial(work.process_id, "b" * 1_000_000)) == worker


async def test_prepared_worker_does_the_next_work(tmp_path: Path) -> None:
    """It is waited for: a second one would not be ready sooner."""
    async with a_pool(inline=4_096) as pool:
        pool.prepare(partial(work.wait_for, tmp_path / "go", told=tmp_path / "pid"))
        await until((tmp_path / "go.begun").exists)
        pool.prepare(work.end)  # it is being prepared
        working = asyncio.create_task(pool.run(partial(work.process_id, "a" * 10_000)))
        (tmp_path / "go").touch()
        assert await working == int((tmp_path / "pid").read_text()) != os.getpid()
        pool.prepare(work.end)  # there is one
        assert await pool.run(partial(work.process_id, "b" * 10_000)) == await working


async def test_failed_preparation_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_pool() as pool:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", "/nowhere/python")
            pool.prepare(work.process_id)
            await asyncio.sleep(0)
            with pytest.raises(OffloadError, match="no worker process could be started"):
                await pool.run(work.process_id)
        assert await pool.run(work.process_id) != os.getpid()


async def test_closing_ends_a_preparation(tmp_path: Path) -> None:
    async with a_pool() as pool:
        pool.prepare(partial(work.search_for_good, tmp_path / "pid"))
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    assert is_gone(int((tmp_path / "pid").read_text()))


async def test_run_does_short_slow_work_in_a_thread() -> None:
    async with a_pool(inline=4_096) as pool:
        assert await pool.run(threading.get_ident) == threading.get_ident()
        assert await pool.run(threading.get_ident, is_slow=True) != threading.get_ident()


async def test_loop_turns_while_a_worker_works(tmp_path: Path) -> None:
    async with a_pool() as pool:
        working = asyncio.create_task(pool.run(partial(work.wait_for, tmp_path / "go")))
        await until((tmp_path / "go.begun").exists)
        (tmp_path / "go").touch()
        assert await working != os.getpid()


async def test_work_beyond_its_limit_is_ended_and_the_next_is_done(tmp_path: Path) -> None:
    """Also where it never gives the interpreter's lock back."""
    async with a_pool() as pool:
        worker = await pool.run(work.process_id)
        with pytest.raises(WorkLimitError) as caught:
            await pool.run(partial(work.search_for_good, tmp_path / "pid"), limit=0.1)
        assert is_gone(worker)
        assert str(caught.value) == "it took longer than 0.1 seconds"
        assert await pool.run(partial(work.printed, "next")) == "next"


async def test_errors_of_the_work_come_back_with_their_traceback() -> None:
    async with a_pool() as pool:
        with pytest.raises(ValueError, match="this") as caught:
            await pool.run(partial(work.fail, "this"))
        assert "raise ValueError(error)" in caught.value.__notes__[0]
        with pytest.raises(RuntimeError, match="OddError: no way back"):
            await pool.run(partial(work.fail, "odd"))


async def test_work_that_cannot_be_found_is_an_error_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "gone_soon.py"
    module.write_text("def nothing() -> None: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    nothing = __import__("gone_soon").nothing
    module.unlink()
    async with a_pool() as pool:
        with pytest.raises(ModuleNotFoundError):
            await pool.run(nothing)
        assert await pool.run(partial(work.printed, "next")) == "next"


async def test_work_that_takes_too_much_memory_is_reported() -> None:
    async with a_pool() as pool:
        with pytest.raises(WorkLimitError, match="it took too much memory"):
            await pool.run(work.fill_memory)


async def test_worker_that_was_killed_is_replaced_once(tmp_path: Path) -> None:
    async with a_pool() as pool:
        assert await pool.run(partial(work.end_at_first, tmp_path / "tried")) != os.getpid()
        with pytest.raises(OffloadError, match="two worker processes ended over it"):
            await pool.run(work.end)


async def test_worker_that_was_killed_while_unused_is_replaced() -> None:
    async with a_pool() as pool:
        first = await pool.run(work.process_id)
        os.kill(first, signal.SIGKILL)
        assert await pool.run(work.process_id) != first


async def test_worker_that_cannot_be_started_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with a_pool() as pool:
        with pytest.raises(OffloadError, match="no worker process could be started"):
            await pool.run(work.process_id)


async def test_there_are_no_more_workers_than_allowed(tmp_path: Path) -> None:
    async with a_pool(most=2) as pool, asyncio.TaskGroup() as group:
        names = ["one", "two", "three"]
        tasks = [group.create_task(pool.run(partial(work.wait_for, tmp_path / name))) for name in names]
        await until((tmp_path / "one.begun").exists)
        await until((tmp_path / "two.begun").exists)
        assert not (tmp_path / "three.begun").exists()
        (tmp_path / "one").touch()
        await until((tmp_path / "three.begun").exists)
        for name in names:
            (tmp_path / name).touch()
        workers = await asyncio.gather(*tasks)
        assert workers[2] == workers[0] != workers[1]


async def test_abandoned_work_is_ended(tmp_path: Path) -> None:
    async with a_pool() as pool:
        task = asyncio.create_task(pool.run(partial(work.search_for_good, tmp_path / "pid")))
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert is_gone(int((tmp_path / "pid").read_text()))


async def test_unused_worker_ends_after_a_while() -> None:
    async with a_pool(idle=0.01) as pool:
        first = await pool.run(work.process_id)
        await until(lambda: is_gone(first))
        assert await pool.run(work.process_id) != first


async def test_closing_leaves_no_worker() -> None:
    async with a_pool() as pool:
        worker = await pool.run(work.process_id)
    assert is_gone(worker)


async def test_worker_ignores_ctrl_c_and_sigterm(tmp_path: Path) -> None:
    """Where all processes of a service are told to stop, what is being prepared comes to its end."""
    async with a_pool() as pool:
        worker = await pool.run(work.process_id)
        working = asyncio.create_task(pool.run(partial(work.wait_for, tmp_path / "go")))
        await until((tmp_path / "go.begun").exists)
        os.kill(worker, signal.SIGTERM)
        os.kill(worker, signal.SIGINT)
        (tmp_path / "go").touch()
        assert await working == worker


async def test_worker_knows_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEGEN_API_TOKEN", "sk-org1-secret")
    async with a_pool() as pool:
        assert "CODEGEN_API_TOKEN" not in await pool.run(work.environment)


async def test_worker_imports_nothing_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a workflow's job a pull request's code lies there."""
    for name in ("bot", "pickle", "tests"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(tmp_path)
    async with a_pool() as pool:
        assert await pool.run(work.process_id) != os.getpid()


PARENT = """
import asyncio, sys
from functools import partial
from pathlib import Path
from bot.text.offload.pool import WorkerPool
from tests.text.offload import work

async def main():
    pool = WorkerPool(inline=0)
    if sys.argv[1] == "busy":
        await pool.run(partial(work.search_for_good, Path(sys.argv[2])), limit=3.0)
    Path(sys.argv[2]).write_text(str(await pool.run(work.process_id)))
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes there")
@pytest.mark.parametrize("state", ["busy", "idle"])
async def test_worker_ends_when_its_parent_is_killed(state: str, tmp_path: Path) -> None:
    """A busy one within its limit and a second, although it holds the interpreter's lock and hears of nothing."""
    path = tmp_path / "pid"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, state, str(path), cwd=Path(__file__).parents[3]
    )
    await until(lambda: path.exists() and path.read_text() != "")
    worker = int(path.read_text())
    parent.kill()
    await parent.communicate()
    await until(lambda: is_gone(worker))
