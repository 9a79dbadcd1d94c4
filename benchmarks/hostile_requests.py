"""Resources that unauthenticated clients can make the server use: `python -m benchmarks.hostile_requests`.

The server is a process of its own, as in `benchmarks.webhooks`; the clients are this process. Reported are the server's
peak memory, how many connections it still holds after a while, and how deliveries fare meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import re
import resource
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from benchmarks.webhooks.__main__ import Bench, Server
from benchmarks.webhooks.load import SECRET
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.github.events import sign

MEGABYTE = 2**20
CHUNK = bytes(MEGABYTE // 16)
DEADLINE = 35.0
"""Seconds after which open connections are counted: the server's own timeouts are 30."""


@dataclass(slots=True)
class Stranger:
    """One connection, and its outcome."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int = 0
    status: int = 0
    is_closed: bool = False

    async def send(self, head: bytes, size: int) -> None:
        """Sends the head, and a body of that many bytes until the server responds."""
        self.writer.write(head)
        with suppress(ConnectionError):
            while self.sent < size and not self.is_closed and not self.status:
                chunk = CHUNK[: size - self.sent]
                self.writer.write(chunk)
                self.sent += len(chunk)
                await self.writer.drain()

    async def listen(self) -> None:
        """Reads until the server closes the connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self.status = int((await self.reader.readuntil(b"\r\n"))[9:12])
            await self.reader.read()
        self.is_closed = True


async def connect(url: str) -> Stranger:
    address = urlsplit(url)
    return Stranger(*await asyncio.open_connection(address.hostname, address.port))


def head(url: str, size: int, *headers: str) -> bytes:
    address = urlsplit(url)
    lines = [
        f"POST {address.path} HTTP/1.1",
        f"Host: {address.netloc}",
        "Content-Type: application/json",
        "X-GitHub-Event: issue_comment",
        "X-GitHub-Delivery: guid-1",
        f"Content-Length: {size}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def peak(server: Server) -> float:
    """Peak memory in MB since the process started."""
    text = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) / 1024


async def large_bodies(bench: Bench, count: int, *headers: str) -> None:
    """Bodies of 24 MB whose last byte never arrives."""
    size = 24 * MEGABYTE
    async with bench.server("bot") as server:
        await asyncio.sleep(2)
        idle = server.memory()
        strangers = [await connect(server.url) for _ in range(count)]
        listening = [asyncio.create_task(each.listen()) for each in strangers]
        request = head(server.url, size, *headers)
        sending = [asyncio.create_task(each.send(request, size - 1)) for each in strangers]
        await asyncio.wait(sending, timeout=DEADLINE)
        times = [await deliver(server.url) for _ in range(20)]
        held = server.memory()
        await asyncio.wait(listening, timeout=DEADLINE)
        print(f"    memory idle {idle:.0f} MB, at its highest {peak(server):.0f} MB ({peak(server) / idle:.2f} times)")
        print(f"    while they are held {held:.0f} MB, after {DEADLINE:.0f} s {server.memory():.0f} MB")
        print(f"    sent {sum(each.sent for each in strangers) / MEGABYTE:.0f} of {count * size / MEGABYTE:.0f} MB")
        tell(strangers)
        print(f"    deliveries meanwhile: {deliveries(times)}")
        for task in (*listening, *sending):
            task.cancel()


async def half_heads(bench: Bench, count: int) -> None:
    async with bench.server("bot") as server:
        await asyncio.sleep(2)
        idle = server.memory()
        strangers = [await connect(server.url) for _ in range(count)]
        for each in strangers:
            each.writer.write(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Half: ")
        listening = [asyncio.create_task(each.listen()) for each in strangers]
        times = [await deliver(server.url) for _ in range(20)]
        await asyncio.wait(listening, timeout=DEADLINE)
        print(f"    memory idle {idle:.0f} MB, at its highest {peak(server):.0f} MB")
        tell(strangers)
        print(f"    deliveries meanwhile: {deliveries(times)}")
        for task in listening:
            task.cancel()


async def bombs(bench: Bench, count: int) -> None:
    """A megabyte of gzip that unpacks to a gigabyte, one after the other."""
    bomb = gzip.compress(bytes(1024 * MEGABYTE), 9)
    async with bench.server("bot") as server:
        await asyncio.sleep(2)
        idle, began = server.memory(), server.processor_time()
        stop = asyncio.Event()
        meanwhile = asyncio.create_task(deliver_until(stop, server.url))
        statuses = []
        for _ in range(count):
            async with (
                aiohttp.ClientSession() as http,
                http.post(server.url, data=bomb, headers={"Content-Encoding": "gzip"}) as answer,
            ):
                statuses.append(answer.status)
        stop.set()
        times = await meanwhile
        cost = (server.processor_time() - began) / count
        print(f"    {len(bomb)} bytes each, answered {dict(Counter(statuses))}, {cost:.2f} s of processor time each")
        print(f"    memory idle {idle:.0f} MB, at its highest {peak(server):.0f} MB")
        print(f"    deliveries meanwhile: {deliveries(times)}")


def tell(strangers: Sequence[Stranger]) -> None:
    statuses = Counter(each.status for each in strangers if each.status)
    still = sum(not each.is_closed for each in strangers)
    print(f"    answered {dict(statuses)}, still open after {DEADLINE:.0f} s: {still} of {len(strangers)}")


async def deliver_until(stop: asyncio.Event, url: str) -> list[tuple[int, float]]:
    told = []
    while not stop.is_set():
        told.append(await deliver(url))
        await asyncio.sleep(0.05)
    return told


async def deliver(url: str) -> tuple[int, float]:
    """Sends a delivery, signed as by GitHub; returns its status, and how long it took."""
    body = b'{"action": "created", "padding": "' + b"x" * 20_000 + b'"}'
    began = time.perf_counter()
    timeout = aiohttp.ClientTimeout(total=60)
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": f"{time.time_ns()}",
        "X-Hub-Signature-256": sign(body, SECRET),
    }
    async with aiohttp.ClientSession(timeout=timeout) as http, http.post(url, data=body, headers=headers) as answer:
        await answer.read()
        return answer.status, time.perf_counter() - began


def deliveries(told: Sequence[tuple[int, float]]) -> str:
    times = [seconds for _, seconds in told]
    statuses = dict(Counter(status for status, _ in told))
    return f"{statuses}, median {statistics.median(times) * 1000:.1f} ms, longest {max(times):.2f} s"


async def measure(only: str, *, connections: int, heads: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    own, rest = {cores[0]}, set(cores[1:]) or {cores[0]}
    os.sched_setaffinity(0, rest)
    async with CodegenEmulator(run_seconds=None, limits=False) as codegen, GitHubEmulator(limits=False) as github:
        bench = Bench(github, codegen, own, rest)
        if "a" in only:
            print(f"(a) {connections} unsigned bodies of 24 MB")
            await large_bodies(bench, connections)
        if "b" in only:
            print(f"(b) {connections} such bodies with a made-up signature")
            await large_bodies(bench, connections, f"X-Hub-Signature-256: sha256={'0' * 64}")
        if "c" in only:
            print(f"(c) {heads} connections with half a head")
            await half_heads(bench, heads)
        if "d" in only:
            print("(d) 5 bodies of gzip that unpack to 1 GB")
            await bombs(bench, 5)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--only", default="abcd", help="some of the figures")
    arguments.add_argument("--connections", type=int, default=30)
    arguments.add_argument("--heads", type=int, default=1_500)
    given = arguments.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(measure(given.only, connections=given.connections, heads=given.heads))


if __name__ == "__main__":
    main()
