"""What the log of a run of an agent of one's own costs: `python -m benchmarks.agents_log`.

An agent's 50,000 updates (thoughts and answers in pieces of a few words, and tool calls) come evenly. They become log
entries, are redacted, and are stored on SQLite, as in a worker; meanwhile the end of the log is read every two seconds,
as by the bot. Reported is the processor time as a share of one core, and whether all of it is in the database.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.agents.log_entries import UpdateLog
from bot.agents.log_limits import LimitedLog
from bot.agents.log_writer import LogWriter
from bot.agents.preset import Marks
from bot.storage.agent_models import NewRun, NewTurn
from bot.storage.agents import AgentStore
from bot.storage.database import open_engine
from bot.storage.migrating import migrate
from bot.storage.queries import run_in_thread

UPDATES = 50_000
PIECES = 25
"""Pieces of a thought or a message, between two tool calls."""

STEP = 0.05
"""Seconds between two arrivals."""

SOURCE = "def price(item):\n    return item.net * (1 + RATE)  # with tax\n" * 8


def updates() -> Iterator[dict[str, Any]]:
    for number in range(UPDATES):
        call, place = divmod(number, PIECES + 2)
        if place < PIECES:
            kind = "agent_thought_chunk" if call % 4 else "agent_message_chunk"
            text = f" the test number {number} of tests/test_cart.py"
            yield {"sessionUpdate": kind, "content": {"type": "text", "text": text}}
        elif place == PIECES:
            command = {"command": f"sed -n {call},{call + 80}p shop/cart.py"}
            yield {
                "sessionUpdate": "tool_call",
                "toolCallId": f"call-{call}",
                "title": "bash",
                "kind": "execute",
                "status": "pending",
                "rawInput": command,
            }
        else:
            yield {
                "sessionUpdate": "tool_call_update",
                "toolCallId": f"call-{call}",
                "status": "completed",
                "rawOutput": {"output": SOURCE, "exit": 0},
            }


def used() -> float:
    """Processor seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(rate: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/bot.sqlite")
        migrate(engine)
        store, now = AgentStore(engine), datetime.now(UTC)
        turn = NewTurn(prompt="Fix it", entry={"message_type": "USER_MESSAGE", "observation": "Fix it"})
        run = store.create_run(NewRun(user_id=1, agent="opencode", turn=turn), at=now)
        entries = 0
        before, began = used(), time.perf_counter()
        async with LogWriter(store, run.id) as writer:

            def add(entry: Any) -> None:
                nonlocal entries
                entries += 1
                writer.add(entry)

            log = UpdateLog(Marks(), LimitedLog(add, now=lambda: datetime.now(UTC)))
            reading = asyncio.create_task(read_always(store, run.id))
            for number, update in enumerate(updates()):
                if number % max(int(rate * STEP), 1) == 0:
                    await asyncio.sleep(max(began + number / rate - time.perf_counter(), 0.0))
                log.add(update)
            log.end("Done.")
            reading.cancel()
        seconds, cost = time.perf_counter() - began, used() - before
        found = store.run(run.id)
        assert found is not None  # noqa: S101 - a benchmark's own run
        stored = found.log_entries - 1
        texts = sum(str(entry).count("the test number ") for entry in pages(store, run.id, found.log_entries))
        pieces = sum("chunk" in update["sessionUpdate"] for update in updates())
        print(f"{UPDATES} updates at {UPDATES / seconds:.0f} a second, {seconds:.0f} s: {entries} entries")
        print(f"    processor time {cost:.1f} s, {100 * cost / seconds:.1f} % of a core")
        print(f"    stored: {stored} of {entries} entries, {texts} of {pieces} pieces of text")
        engine.dispose()


def pages(store: AgentStore, run_id: int, count: int) -> Iterator[dict[str, Any]]:
    for skip in range(0, count, 100):
        yield from store.log(run_id, skip=skip)


async def read_always(store: AgentStore, run_id: int) -> None:
    while True:
        await run_in_thread(partial(store.log, run_id, limit=100, newest_first=True))
        await asyncio.sleep(2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="updates a second")
    asyncio.run(measure(parser.parse_args().rate))
