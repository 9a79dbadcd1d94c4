"""Sends deliveries over keep-alive connections and reports the response times, as one line of JSON.

    python -m benchmarks.webhooks.load URL --seconds 5

Requests are built beforehand and written to plain sockets: a client library would be slower than the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.webhooks.mix import deliveries
from bot.github.events import sign

SECRET = "the webhook's secret"  # noqa: S105 - of a server that lives for a minute
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)

Request = tuple[bytes, bytes]
"""Head and body; the head lacks the delivery's GUID, which is new each time."""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--seconds", type=float, help="sends the mix without commands for so long")
    arguments.add_argument("--count", type=int, help="sends so many of it")
    arguments.add_argument("--commands", type=Path, help="sends the comments in this file, a JSON document a line")
    arguments.add_argument("--rate", type=float, help="so many of them a second beside the mix, on one more connection")
    given = arguments.parse_args()
    mix = cycle([request(given.url, name, body) for name, body in deliveries()])
    commands: Iterator[Request] = iter(())
    if given.commands:
        lines = given.commands.read_bytes().splitlines()
        commands = iter([request(given.url, "issue_comment", line) for line in lines])
    print(json.dumps(asyncio.run(run(given, mix, commands))))


async def run(given: argparse.Namespace, mix: Iterator[Request], commands: Iterator[Request]) -> dict[str, object]:
    until = time.perf_counter() + given.seconds if given.seconds else float("inf")
    if given.seconds and given.rate:
        together = (
            send_all(given.url, mix, given.connections, until),
            send_all(given.url, commands, 1, until, gap=1 / given.rate),
        )
        of_mix, of_commands = await asyncio.gather(*together)
        return of_mix | {"commands": of_commands}
    if given.seconds or given.count:
        left = mix if given.seconds else (each for each, _ in zip(mix, range(given.count), strict=False))
        return await send_all(given.url, left, given.connections, until)
    return await send_all(given.url, commands, given.connections, until, gap=1 / given.rate if given.rate else 0.0)


def request(url: str, event: str, body: bytes) -> Request:
    lines = [
        f"POST {urlsplit(url).path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Accept: */*",
        "User-Agent: GitHub-Hookshot/044aadd",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"X-GitHub-Event: {event}",
        "X-GitHub-Hook-ID: 1",
        "X-GitHub-Hook-Installation-Target-ID: 1",
        "X-GitHub-Hook-Installation-Target-Type: integration",
        f"X-Hub-Signature-256: {sign(body, SECRET)}",
        "X-GitHub-Delivery: ",
    ]
    return "\r\n".join(lines).encode(), b"\r\n\r\n" + body


async def send_all(
    url: str, requests: Iterator[Request], connections: int, until: float, *, gap: float = 0.0
) -> dict[str, object]:
    """:param until: when to stop, by `time.perf_counter`
    :param gap: seconds between two on one connection
    """
    times: list[float] = []
    statuses: Counter[int] = Counter()

    async def send_some() -> None:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**20)
        for head, body in requests:
            guid = str(uuid.uuid4()).encode()
            began = time.perf_counter()
            if began >= until:
                break
            writer.write(head + guid + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            if found := LENGTH.search(answer):
                await reader.readexactly(int(found[1]))
            times.append(time.perf_counter() - began)
            statuses[int(answer[9:12])] += 1
            if gap:
                await asyncio.sleep(max(0.0, began + gap - time.perf_counter()))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(send_some() for _ in range(connections)))
    took = time.perf_counter() - began
    times.sort()
    return {
        "count": len(times),
        "a_second": len(times) / took,
        "p50": times[len(times) // 2],
        "p99": times[int(len(times) * 0.99)],
        "most": times[-1],
        "statuses": dict(statuses),
    }


if __name__ == "__main__":
    main()
