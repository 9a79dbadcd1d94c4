"""A thousand subscribers of one run for a minute, beside one subscriber of another run with the same log.

Three processes on the loopback: this one has the emulated Codegen and writes both logs; the server is `codegen-bot
serve`; the subscribers are a third. Reported are the requests to Codegen for either run, the server's memory, whether
every subscriber got every entry once and in order, and the time from writing an entry to receiving it (most of which is
the poll interval of two seconds).

    python -m benchmarks.streams
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import signal
import socket
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from bot.emulators.codegen import CodegenEmulator

LISTENERS = 1_000
SECONDS = 60
ENTRIES_A_SECOND = 5
TOKENS = ("sk-org1-crowd", "sk-org1-single")
"""Of the thousand, and of the one: each has its own rate limits at Codegen."""

ENTRY = re.compile(r'{"type":"log","index":(\d+),(?:[^{]*{[^{}]*?"thought":"at ([\d.]+)")?')
"""A frame with an entry: its index, and when it was written."""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--subscribers", type=int, default=LISTENERS)
    arguments.add_argument("--seconds", type=int, default=SECONDS)
    arguments.add_argument("--listen", nargs="*", help="for the process of the listeners")
    given = arguments.parse_args()
    # Each subscriber is a file on either side.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if given.listen:
        url, crowd, single = given.listen
        asyncio.run(listen_all(url, int(crowd), int(single), given.subscribers))
    else:
        asyncio.run(measure(given.subscribers, given.seconds))


# The subscribers' process


async def listen_all(url: str, crowd: int, single: int, count: int) -> None:
    """Reports when all are connected, then what they received, as a line of JSON each."""
    there = [asyncio.Event() for _ in range(count + 1)]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        enter = asyncio.Semaphore(50)
        tasks = [
            asyncio.create_task(listen(http, enter, url, run, token, event))
            for run, token, event in [
                (single, TOKENS[1], there[0]),
                *((crowd, TOKENS[0], event) for event in there[1:]),
            ]
        ]
        for event in there:
            await event.wait()
        print(json.dumps("there"), flush=True)
        heard = await asyncio.gather(*tasks)
    delays = sorted(delay for each in heard for delay in each["delays"])
    print(
        json.dumps(
            {
                "single": heard[0]["indexes"] == [*range(len(heard[0]["indexes"]))],
                "lengths": sorted({len(each["indexes"]) for each in heard[1:]}),
                "in_order": sum(each["indexes"] == [*range(len(each["indexes"]))] for each in heard[1:]),
                "ended": sum(each["code"] == 1000 for each in heard[1:]),
                "p50": statistics.median(delays),
                "p99": delays[int(len(delays) * 0.99)],
                "most": delays[-1],
            }
        )
    )


async def listen(
    http: aiohttp.ClientSession, enter: asyncio.Semaphore, url: str, run: int, token: str, there: asyncio.Event
) -> dict[str, Any]:
    indexes: list[int] = []
    delays: list[float] = []
    async with enter:
        path = f"{url}/organizations/1/agent/run/{run}/logs/stream"
        line = await http.ws_connect(path, headers={"Authorization": f"Bearer {token}"})
    async with line:
        async for message in line:
            there.set()
            # Not parsed as JSON: a thousand subscribers in one process would be slower than the server.
            if entry := ENTRY.match(message.data):
                indexes.append(int(entry[1]))
                if entry[2]:
                    delays.append(time.time() - float(entry[2]))
    return {"indexes": indexes, "delays": delays, "code": line.close_code}


# This process


async def measure(subscribers: int, seconds: int) -> None:
    async with CodegenEmulator(run_seconds=None) as codegen:
        runs = [codegen.start_elsewhere("Make it fast.").id for _ in TOKENS]
        with tempfile.TemporaryDirectory() as folder:
            server, url = await serve(codegen.url, Path(folder))
            try:
                await log_context(server, codegen, url, runs, subscribers, seconds)
            finally:
                server.send_signal(signal.SIGTERM)
                await server.wait()


async def log_context(
    server: Process, codegen: CodegenEmulator, url: str, runs: Sequence[int], subscribers: int, seconds: int
) -> None:
    before = memory(server)
    crowd = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.streams", "--subscribers", str(subscribers)),
        *("--listen", url, *map(str, runs)),
        stdout=PIPE,
        limit=2**20,
    )
    assert crowd.stdout is not None  # noqa: S101 - it is a pipe
    assert json.loads(await crowd.stdout.readline()) == "there"  # noqa: S101 - else it has failed, and printed why
    joined = memory(server)
    began = processor_time(server)
    entries = await write(codegen, runs, seconds)
    busy = processor_time(server) - began
    for run in runs:
        codegen.finish(run)
    heard = json.loads(await crowd.stdout.readline())
    await crowd.wait()
    after = memory(server)
    asked = [[entry for entry in codegen.control.journal if f"/agent/run/{run}" in entry.path] for run in runs]
    others = len(codegen.control.journal) - sum(map(len, asked))
    print(f"{subscribers} listeners on one run, one on another, {seconds} s, {entries} entries each")
    print(f"upstream requests   for all {subscribers}: {len(asked[0])}   for one: {len(asked[1])}   besides: {others}")
    print(f"server's memory     {before[0]:.0f} MB alone, {joined[0]:.0f} MB with all, {after[0]:.0f} MB after,")
    each = (after[1] - before[0]) * 1024 / subscribers
    print(f"                    {after[1]:.0f} MB at most: {each:.0f} kB a listener")
    print(f"server's processor  {busy / seconds:.0%} of one core while the log grew")
    print(f"every entry once    {heard['in_order']} of {subscribers} in order, {heard['lengths']} entries,")
    print(f"                    {heard['ended']} closed with 1000; the one alone: {heard['single']}")
    print(f"delay               median {heard['p50']:.2f} s   99 % {heard['p99']:.2f} s   most {heard['most']:.2f} s")


async def write(codegen: CodegenEmulator, runs: Sequence[int], seconds: int) -> int:
    """Adds the same entries to both logs; each contains the time at which it was written."""
    began = time.monotonic()
    count = seconds * ENTRIES_A_SECOND
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / ENTRIES_A_SECOND - time.monotonic()))
        for run in runs:
            codegen.add_log(run, thought=f"at {time.time()}", tool_output={"text": "What a tool says. " * 60})
    return count + 2


async def serve(codegen_url: str, folder: Path) -> tuple[Process, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "CODEGEN_API_TOKEN": "sk-org1-server",
        "CODEGEN_ORG_ID": "1",
        "CODEGEN_API_BASE_URL": codegen_url,
        "GITHUB_TOKEN": "nobody",
        "GITHUB_API_URL": "http://127.0.0.1:9",
        "GITHUB_WEBHOOK_SECRET": "secret",
        "DATABASE_URL": f"sqlite:///{folder / 'bot.sqlite'}",
        "PORT": str(port),
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "serve", env=environ, cwd=folder)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http, asyncio.timeout(30):
        while True:
            try:
                async with http.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return server, url
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)


def memory(process: Process) -> tuple[float, float]:
    """Current and peak memory in MB."""
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    now, most = (int(re.findall(rf"{name}:\s+(\d+) kB", text)[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def processor_time(process: Process) -> float:
    """Seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
