"""A run's log is stored in batches, redacted, and whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.agents.log_writer import LONGEST_TEXT, MARGIN, LogWriter
from bot.agents.model import LogEntry, MessageType
from bot.errors import StoreError
from bot.storage.agent_models import Holder
from tests.harness import TIMEOUT

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SECRET = "ghp_" + "a1B2" * 9


class Store:
    """Keeps what is appended; fails as often as configured."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.written = asyncio.Event()
        self.entries: list[Mapping[str, Any]] = []
        self.writes = 0
        self.failures = 0

    def append_log(
        self, run_id: int, entries: Sequence[Mapping[str, Any]], *, at: datetime, holder: Holder | None
    ) -> None:
        assert (run_id, at.tzinfo, holder) == (7, UTC, None)
        self.writes += 1
        self.loop.call_soon_threadsafe(self.written.set)
        if self.failures:
            self.failures -= 1
            raise StoreError("gone")
        self.entries += entries


def thought(text: str) -> LogEntry:
    return LogEntry(message_type=MessageType.PLAN_EVALUATION, created_at=NOW, thought=text)


async def test_first_entry_is_stored_at_once_and_others_in_batches() -> None:
    store = Store()
    async with LogWriter(store, 7, interval=TIMEOUT) as writer:
        writer.add(thought("1"))
        async with asyncio.timeout(TIMEOUT):
            await store.written.wait()
        for number in range(2, 100):
            writer.add(thought(str(number)))
            await asyncio.sleep(0)
        assert store.writes == 1
    assert store.writes == 2
    assert [entry["thought"] for entry in store.entries] == [str(number) for number in range(1, 100)]


async def test_without_entries_nothing_is_written() -> None:
    store = Store()
    async with LogWriter(store, 7):
        pass
    assert store.writes == 0


async def test_many_entries_wait_in_a_file() -> None:
    store = Store()
    async with LogWriter(store, 7, in_memory=1_000) as writer:
        for number in range(2_000):
            writer.add(thought(f"{number} é\n\ud800"))
    assert [entry["thought"] for entry in store.entries] == [f"{number} é\n?" for number in range(2_000)]


async def test_large_entries_are_written_in_small_batches() -> None:
    store = Store()
    async with LogWriter(store, 7, interval=TIMEOUT) as writer:
        for number in range(30):
            writer.add(thought(f"{number} " + "x " * 50_000))
    assert [entry["thought"].split()[0] for entry in store.entries] == [str(number) for number in range(30)]
    assert store.writes >= 3


async def test_failed_write_is_repeated() -> None:
    store = Store()
    store.failures = 3
    async with LogWriter(store, 7, delay=lambda _failures: 0.0) as writer:
        for number in range(1_200):
            writer.add(thought(str(number)))
    assert [entry["thought"] for entry in store.entries] == [str(number) for number in range(1_200)]


async def test_cancelled_writer_gives_up() -> None:
    store = Store()
    store.failures = 10_000

    async def turn() -> None:
        async with LogWriter(store, 7) as writer:
            writer.add(thought("1"))

    task = asyncio.create_task(turn())
    async with asyncio.timeout(TIMEOUT):
        await store.written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_secrets_are_not_stored() -> None:
    store = Store()
    async with LogWriter(store, 7) as writer:
        writer.add(
            LogEntry(
                message_type=MessageType.ACTION,
                created_at=NOW,
                tool_name="bash",
                tool_input={"command": f"curl -H 'Authorization: Bearer {SECRET}'"},
                tool_output={"stdout": [f"token={SECRET}"], "api_key": "hunter2hunter2"},
                observation="x" * (LONGEST_TEXT - 20) + SECRET,
            )
        )
    [entry] = store.entries
    assert SECRET[:20] not in str(entry)
    assert "hunter2hunter2" not in str(entry)


@pytest.mark.parametrize("offset", range(0, 60, 7))
async def test_long_text_is_cut_outside_secrets(offset: int) -> None:
    store = Store()
    async with LogWriter(store, 7) as writer:
        writer.add(thought("x " * ((LONGEST_TEXT + MARGIN - offset) // 2) + SECRET * 3 + " y" * 500_000))
    [entry] = store.entries
    assert len(entry["thought"]) < LONGEST_TEXT
    assert SECRET[:8] not in entry["thought"]
    assert entry["thought"].endswith("[The rest is not in the log: it was too long.]")


async def test_cancelled_turn_does_not_wait_for_a_silent_database() -> None:
    store = Store()
    store.failures = 1_000_000

    async def turn() -> None:
        async with LogWriter(store, 7, delay=lambda _: 0.001, cancelled_seconds=0.01) as writer:
            writer.add(thought("1"))
            await asyncio.Event().wait()

    running = asyncio.create_task(turn())
    async with asyncio.timeout(TIMEOUT):
        await store.written.wait()
        running.cancel()
        await asyncio.wait((running,))
    assert running.cancelled()
