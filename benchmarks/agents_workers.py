"""Workers of agents on one PostgreSQL: `python -m benchmarks.agents_workers`.

All with `codegen-bot agents worker` as it is started, the scripted agent in the sandbox, and an emulated GitHub with
real git. An agent mostly waits for its model: here each turn waits MODEL_SECONDS.

- How long TURNS turns take with one worker and with two; their ratio.
- What a turn costs the worker and its git in processor time, without the agent's.
- When others' turns start while forty of one person wait in front.
- When a turn goes on after its worker was killed, frozen, or cut off from the database.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg

from tests.harness.agent_workers import AS_STARTED, WorkerProcess, Workers, agent_workers
from tests.harness.connections import Link
from tests.harness.databases import make_tables
from tests.harness.postgresql import Server, fresh_database, running_server

TURNS = 20
MODEL_SECONDS = 4.0
ROUNDS = 3
FAULTS = 3
"""Of each kind."""

MEASURED = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
from bot.emulators.agent.__main__ import main
try:
    main()
finally:
    fields = pathlib.Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    pathlib.Path.home().joinpath("forwarder").write_text(str((int(fields[11]) + int(fields[12])) / 100))
"""
AGENT = ("{python}", "-I", "-c", MEASURED, "{bot}")
"""The scripted agent, which at its end writes into its HOME what processor time its sandbox's forwarder has used: the
worker does not wait for the processes inside, so that neither the agent's time nor this is part of its own."""

STEPS = ({"edit": "app/checkout.py", "append": "# Done.\n"}, {"sleep": MODEL_SECONDS}, {"say": "Done."})


def main() -> None:
    with running_server() as server:
        asyncio.run(_measure(server))


async def _measure(server: Server) -> None:
    with fresh_database(server) as template:
        await asyncio.to_thread(make_tables, server.url(template))
        print(f"{TURNS} turns, two at once in each worker, each waiting {MODEL_SECONDS:g} s for its model:")
        ratios = []
        for _ in range(ROUNDS):
            one, cost = await _with(server, template, _finish_all, 1)
            two, _ = await _with(server, template, _finish_all, 2)
            ratios.append(two / one)
            print(f"  one worker {one:.1f} s, two {two:.1f} s, ratio {two / one:.2f}; {cost:.2f} s of processor a turn")
        print(f"  median ratio {statistics.median(ratios):.2f}")
        waits = await _with(server, template, _start_of_others, 1)
        print(f"with 40 turns of one person in front, others' start after {_seconds(waits)}")
        for fault in (_kill, _freeze, _cut):
            times = [await _with(server, template, _taken_over, 2, fault) for _ in range(FAULTS)]
            print(f"{fault.__name__[1:]}: another worker goes on after {_seconds(times)}")


def _seconds(times: Sequence[float]) -> str:
    return f"{', '.join(f'{each:.1f}' for each in times)} s"


async def _with(server: Server, template: str, measure: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Measures with a new database and a new folder."""
    with fresh_database(server, template=template) as name, tempfile.TemporaryDirectory() as folder:
        async with agent_workers(server.url(name), Path(folder)) as workers:
            return await measure(workers, server.url(name), *arguments)


# Throughput and cost


async def _finish_all(workers: Workers, _database_url: str, count: int) -> tuple[float, float]:
    """Seconds from the first start to the last end, and processor seconds of a turn beside the agent's own."""
    started = [await workers.start(module=AS_STARTED, command=AGENT) for _ in range(count)]
    # The first one fetches the repository, which is not what is measured.
    await workers.ended(await workers.ask(*STEPS))
    before = sum(_processor_seconds(worker.process.pid) for worker in started)
    begun = time.monotonic()
    runs = [await workers.ask(*STEPS, person=f"person-{number % 4}") for number in range(TURNS)]
    for run in runs:
        if (await workers.ended(run)).status != "COMPLETE":
            raise RuntimeError((await workers.run(run)).result)
    seconds = time.monotonic() - begun
    used = sum(_processor_seconds(worker.process.pid) for worker in started) - before
    homes = [workers.folder / "machine" / "runs" / str(run) / "home" for run in runs]
    forwarders = sum(float((home / "forwarder").read_text()) for home in homes)
    return seconds, (used + forwarders) / TURNS


def _processor_seconds(pid: int) -> float:
    """Of a process and of the children that it has waited for: git, and the sandbox outside."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15]) / 100


# Fairness


async def _start_of_others(workers: Workers, database_url: str, count: int) -> list[float]:
    """Seconds until the turns of two others have started: of four slots, one person may have two."""
    for _ in range(count):
        await workers.start(module=AS_STARTED, concurrency=4, concurrency_per_person=2)
    for _ in range(40):
        await workers.ask(*STEPS, person="alice")
    await asyncio.sleep(MODEL_SECONDS)
    asked = time.time()
    others = [await workers.ask(*STEPS, person=person) for person in ("bob", "carol")]
    for run in others:
        await workers.until(run, lambda found: found.status == "ACTIVE")
    return [started - asked for started in await asyncio.to_thread(_starts, database_url, others)]


def _starts(database_url: str, runs: Sequence[int]) -> list[float]:
    query = "SELECT extract(epoch FROM started_at) FROM codegen_bot_agent_turns WHERE run_id = ANY(%s) ORDER BY id"
    with psycopg.connect(database_url) as connection:
        return [float(row[0]) for row in connection.execute(query, [[*runs]])]


# Takeover

Fault = Callable[[WorkerProcess, Link], Awaitable[None]]


async def _taken_over(workers: Workers, database_url: str, _count: int, fault: Fault) -> float:
    """Seconds until the other worker has taken the turn."""
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(Link(database_url).serving())
        first = await workers.start(module=AS_STARTED, database_url=link.url)
        await workers.ask({"sleep": 600})
        await first.log.until("workspace.opened")
        second = await workers.start(module=AS_STARTED)
        begun = time.monotonic()
        await fault(first, link)
        await second.log.until("turn.taken_over")
        seconds = time.monotonic() - begun
        link.heal()
        return seconds


async def _kill(worker: WorkerProcess, _link: Link) -> None:
    await worker.kill()


async def _freeze(worker: WorkerProcess, _link: Link) -> None:
    worker.freeze()


async def _cut(_worker: WorkerProcess, link: Link) -> None:
    link.cut()


if __name__ == "__main__":
    main()
