"""Cost of watching runs, and delay until their ends are noticed: 1, 10, 100 and 1,000 runs in progress at once.

The emulated Codegen has its limits. Runs end evenly over the measured time. For comparison, the cost of one poll per
run: the same runs, each requested every `POLL` seconds within the same limits.

    python -m benchmarks.watcher
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from bot.codegen.polling import UpstreamRuns
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.emulators.codegen import CodegenEmulator

COUNTS = (1, 10, 100, 1_000)
SECONDS = 60.0
POLL = 5.0
OTHERS = 20
"""Runs that are not waited for, started after each tenth of the others."""

Wait = Callable[[int], Awaitable[None]]


async def watched(codegen: Codegen) -> tuple[Wait, Callable[[], Awaitable[None]]]:
    watcher = RunWatcher(UpstreamRuns(codegen))

    async def wait(run_id: int) -> None:
        await watcher.finished(run_id)

    return wait, watcher.aclose


async def polled(codegen: Codegen) -> tuple[Wait, Callable[[], Awaitable[None]]]:
    async def wait(run_id: int) -> None:
        while not (await codegen.run(run_id)).finished:  # noqa: ASYNC110 - the poll is what is measured
            await asyncio.sleep(POLL)

    async def close() -> None:
        pass

    return wait, close


async def measure(
    count: int, seconds: float, way: Callable[[Codegen], Awaitable[tuple[Wait, Callable[[], Awaitable[None]]]]]
) -> str:
    """:returns: the figures as part of a line"""
    async with CodegenEmulator(run_seconds=None) as emulator, new_http() as http:
        runs = []
        for number in range(count):
            if number % max(count // 10, 1) == 0:
                emulator.script(run_seconds=None, times=OTHERS)
                for _ in range(OTHERS):
                    emulator.start_elsewhere("Somebody else's")
            emulator.script(run_seconds=None)
            runs.append(emulator.start_elsewhere("Ours").id)
        codegen = Codegen("sk-org1-bench", org_id=1, base_url=emulator.url, http=http, limits=RateLimits())
        wait, close = await way(codegen)
        ended: dict[int, float] = {}
        delays: list[float] = []

        async def one(run_id: int) -> None:
            await wait(run_id)
            delays.append(time.perf_counter() - ended[run_id])

        waits = [asyncio.create_task(one(run_id)) for run_id in runs]
        emulator.control.journal.clear()
        began = time.perf_counter()
        for number, run_id in enumerate(runs):
            await asyncio.sleep(max(0.0, began + (number + 1) * seconds / (count + 1) - time.perf_counter()))
            ended[run_id] = time.perf_counter()
            emulator.finish(run_id)
        requests = len(emulator.control.journal)
        took = time.perf_counter() - began
        most = max(
            (sum(at <= entry.at < at + 30 for entry in emulator.control.journal) for at in range(int(took))), default=0
        )
        refused = sum(entry.status == 429 for entry in emulator.control.journal)
        done, late = await asyncio.wait(waits, timeout=60)
        for task in late:
            task.cancel()
        for task in done:
            task.result()
        await asyncio.gather(*late, return_exceptions=True)
        await close()
    delays.sort()
    p95 = f"{delays[int(len(delays) * 0.95)]:.1f} s" if len(delays) == count else f"> 60 s ({count - len(delays)} late)"
    median = f"{statistics.median(delays):.1f} s" if delays else "-"
    return f"{requests / took:5.2f} a second ({most} in 30 s, {refused} refused), noticed: median {median}, 95 % {p95}"


async def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=float, default=SECONDS)
    arguments.add_argument("--counts", type=int, nargs="*", default=COUNTS)
    given = arguments.parse_args()
    for count in given.counts:
        print(f"{count:5} runs, watched together: {await measure(count, given.seconds, watched)}", flush=True)
        print(f"{count:5} runs, one poll per run: {await measure(count, given.seconds, polled)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
