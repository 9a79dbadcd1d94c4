"""Memory that the server uses for lists and the overview: `python -m benchmarks.run_lists`.

Eight hundred runs with results of 50 kB each, all of today, are requested in every way. Reported is the memory of the
server's process after each step, and its peak.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
from collections.abc import Sequence

import aiohttp

from benchmarks.hostile_requests import peak
from benchmarks.webhooks.__main__ import Bench, Server
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator

RUNS = 800
RESULT = 50_000
"""Characters."""

SOURCES = ("API", "CHAT", "GITHUB", "LINEAR", "SLACK")
PEOPLE = 20


async def ask(server: Server, token: str, questions: Sequence[str]) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    base = server.url.replace("/webhooks/github", "/organizations/1")
    async with aiohttp.ClientSession(headers=headers) as http:
        for question in questions:
            async with http.get(f"{base}{question}") as answer:
                await answer.read()
                answer.raise_for_status()


def tell(server: Server, what: str) -> None:
    print(f"    {what}: {server.memory():.0f} MB, at its highest {peak(server):.0f} MB")


async def measure(wait: float) -> None:
    cores = sorted(os.sched_getaffinity(0))
    own, rest = {cores[0]}, set(cores[1:]) or {cores[0]}
    os.sched_setaffinity(0, rest)
    async with CodegenEmulator(run_seconds=None, limits=False) as codegen, GitHubEmulator(limits=False) as github:
        for number in range(1, RUNS + 1):
            codegen.start_elsewhere(f"Number {number}")
            codegen.finish(number, result=secrets.token_hex(RESULT // 2))
        async with Bench(github, codegen, own, rest).server("bot") as server:
            await asyncio.sleep(2)
            tell(server, "idle")
            await ask(server, "sk-org1-first", [f"/overview?days={days}" for days in range(1, 13)])
            tell(server, "overview of 1 to 12 days, one token")
            await ask(server, "sk-org1-first", [f"/agent/runs?source_type={source}&limit=1" for source in SOURCES])
            tell(server, f"lists of {len(SOURCES)} sources, the same token")
            for number in range(PEOPLE):
                await ask(server, f"sk-org1-{number}", ["/overview", "/agent/runs?sort=created_at&limit=1"])
            tell(server, f"overview and a sorted list of {PEOPLE} more tokens")
            await asyncio.sleep(wait)
            tell(server, f"{wait:.0f} s later")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--wait", type=float, default=60.0, help="seconds without a request at the end")
    asyncio.run(measure(arguments.parse_args().wait))


if __name__ == "__main__":
    main()
