"""Measures and prints figures (a) to (e) of docs/benchmarks.md: `python -m benchmarks.webhooks [--quick]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.webhooks.load import SECRET
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN
from bot.text.markers import Stage, find

ROOT = Path(__file__).parents[2]
A_THREAD = 5
"""Commands on one issue."""

ENDS = {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}
DONE = re.compile(r"^codegen_bot_commands_done_total\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Server:
    """A server's process."""

    process: Process
    url: str

    def memory(self) -> float:
        """Memory in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) / 1024

    def processor_time(self) -> float:
        """Seconds."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    """Both emulators, and servers and load as they are needed.

    :param own: the cores of the server
    :param rest: the cores of everything else
    """

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, own: set[int], rest: set[int]) -> None:
        self.github = github
        self.codegen = codegen
        self.written: list[Comment] = []
        self._own = own
        self._rest = rest

    @asynccontextmanager
    async def server(self, kind: str) -> AsyncIterator[Server]:
        with tempfile.TemporaryDirectory() as folder:
            environ = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "CODEGEN_API_TOKEN": "sk-org1-bench",
                "CODEGEN_ORG_ID": "1",
                "CODEGEN_API_BASE_URL": self.codegen.url,
                "GITHUB_TOKEN": "bot-token",
                "GITHUB_API_URL": self.github.url,
                "GITHUB_WEBHOOK_SECRET": SECRET,
                "DATABASE_URL": f"sqlite:///{folder}/bot.sqlite",
                "PORT": "0",
                "UNLIMITED": "yes",
            }
            arguments = (sys.executable, "-m", "benchmarks.webhooks.servers", kind)
            process = await asyncio.create_subprocess_exec(*arguments, env=environ, cwd=folder, stdout=PIPE)
            os.sched_setaffinity(process.pid, self._own)
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            port = int(await process.stdout.readline())
            # The threads that existed before.
            for thread in os.listdir(f"/proc/{process.pid}/task"):  # noqa: PTH208 - /proc does not block
                os.sched_setaffinity(int(thread), self._own)
            try:
                yield Server(process, f"http://127.0.0.1:{port}/webhooks/github")
            finally:
                process.send_signal(signal.SIGTERM)
                await process.wait()

    async def load(self, url: str, *arguments: object) -> dict[str, Any]:
        command = (sys.executable, "-m", "benchmarks.webhooks.load", url, *map(str, arguments))
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE)
        os.sched_setaffinity(process.pid, self._rest)
        out, _ = await process.communicate()
        told: dict[str, Any] = json.loads(out)
        return told

    @asynccontextmanager
    async def comments(self, texts: Sequence[str]) -> AsyncIterator[Path]:
        """A file with deliveries of new comments, which the emulated GitHub has, a few on each of many issues."""
        first = len(self.github.deliveries)
        for begin in range(0, len(texts), A_THREAD):
            issue = self.github.open_issue("bob", "The total is off by a cent", None)
            for text in texts[begin : begin + A_THREAD]:
                self.written.append(self.github.comment("bob", issue.number, text))
        with tempfile.NamedTemporaryFile() as file:
            new = [delivery.body for delivery in self.github.deliveries[first:] if delivery.event == "issue_comment"]
            file.write(b"\n".join(new))
            file.flush()
            yield Path(file.name)

    async def until_done(self, server: Server, count: int, *, seconds: float = 300.0) -> float:
        """Waits until this many commands are done; returns the seconds."""
        began = time.perf_counter()
        url = server.url.replace("/webhooks/github", "/metrics")
        async with aiohttp.ClientSession() as http, asyncio.timeout(seconds):
            while True:
                async with http.get(url) as answer:
                    if sum(map(float, DONE.findall(await answer.text()))) >= count:
                        return time.perf_counter() - began
                await asyncio.sleep(0.05)

    async def finish_runs(self) -> None:
        """Finishes every run as soon as it is created."""
        while True:
            for run in [*self.codegen.runs.values()]:
                if run.status not in {"COMPLETE", "FAILED"}:
                    self.codegen.finish(run.id)
            await asyncio.sleep(0.2)


async def acknowledged(bench: Bench, seconds: float, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """(a) The mix without commands, each server in turn."""
    told: dict[str, list[dict[str, Any]]] = {"bare": [], "gidgethub": [], "bot": []}
    for _ in range(rounds):
        for kind, figures in told.items():
            async with bench.server(kind) as server:
                await bench.load(server.url, "--seconds", 0.5)
                figures.append(await bench.load(server.url, "--seconds", seconds))
    for kind, figures in told.items():
        print(f"(a) {kind:10} {_rate(figures):8.0f} a second   {_latency(figures)}")
    print(f"    {_rate(told['bot']) / _rate(told['gidgethub']):.2f} times gidgethub's handler")
    return told


async def beside_commands(bench: Bench, seconds: float, rounds: int, alone: float) -> None:
    """(b) The same while ten commands a second are executed."""
    rate, figures, done, costs = 10, [], 0, []
    texts = ("/codegen help", "/codegen run fix the flaky test", "/codegen runs", "/codegen status", "/codegen whoami")
    for _ in range(rounds):
        count = int(seconds * rate)
        async with (
            bench.comments([texts[number % len(texts)] for number in range(count)]) as file,
            bench.server("bot") as server,
        ):
            await bench.load(server.url, "--seconds", 0.5)
            figures.append(await bench.load(server.url, "--seconds", seconds, "--commands", file, "--rate", rate))
            sent = figures[-1]["commands"]["count"]
            costs.append(await bench.until_done(server, sent))
            done += sent
    commands = [each["commands"] for each in figures]
    print(f"(b) beside {rate} commands a second: {_rate(figures):.0f} a second   {_latency(figures)}")
    print(f"    {_rate(figures) / alone:.2f} of (a); {done} commands, all carried out at most {max(costs):.1f} s later")
    print(f"    the commands themselves were acknowledged: {_latency(commands)}")


async def burst(bench: Bench, count: int) -> None:
    """(c) Commands at once over 64 connections, each stored before its response."""
    texts = ("/codegen help", "/codegen run fix the flaky test", "/codegen runs", "/codegen status")
    bench.written.clear()
    async with (
        bench.comments([texts[number % len(texts)] for number in range(count)]) as file,
        bench.server("bot") as server,
    ):
        began = server.processor_time()
        told = await bench.load(server.url, "--commands", file)
        took = await bench.until_done(server, count)
        cost = (server.processor_time() - began) / count
    threads = {comment.number for comment in bench.written}
    said = [comment for number in threads for comment in bench.github.comments(number)]
    markers = [find(comment.body) for comment in said if comment.author == BOT_LOGIN]
    answered = Counter(marker.identity for marker in markers if marker is not None and marker.stage in ENDS)
    print(f"(c) {count} commands from 64 connections: acknowledged {told['statuses']}, {_latency([told])},")
    print(f"    longest {told['most']:.2f} s; all carried out {took:.1f} s after the last; {cost * 1000:.1f} ms each")
    print(f"    replies: {len(answered)}, of which more than once: {sum(number > 1 for number in answered.values())}")


async def eyes(bench: Bench, count: int) -> None:
    """(d) From the webhook to the 👀 reaction, with no other load."""
    times = []
    async with bench.server("bot") as server:
        for number in range(count + 1):
            async with bench.comments(["/codegen help"]) as file:
                comment = bench.written[-1]
                told = asyncio.create_task(_send(server.url, file.read_bytes()))
                began = time.perf_counter()
                await bench.github.until(partial(_reacted, comment))
                if number:  # the first one fetches the repository's config
                    times.append(time.perf_counter() - began)
                await told
            await bench.until_done(server, number + 1)
    times.sort()
    print(f"(d) webhook to eyes: median {statistics.median(times) * 1000:.1f} ms of {count}, longest {times[-1]:.3f} s")


async def memory(bench: Bench, count: int) -> None:
    """(e) The memory of an idle server, and after many deliveries."""
    async with bench.server("bot") as server:
        await asyncio.sleep(2)
        idle = server.memory()
        figures = []
        for _ in range(4):
            await bench.load(server.url, "--count", count // 4)
            figures.append(server.memory())
    print(f"(e) memory: idle {idle:.1f} MB; over {count} deliveries {', '.join(f'{each:.1f}' for each in figures)} MB")


async def _send(url: str, body: bytes) -> None:
    from bot.github.events import sign  # noqa: PLC0415 - beside its only use

    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": f"{time.time_ns()}",
        "X-Hub-Signature-256": sign(body, SECRET),
    }
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as answer:
        assert answer.status == 202, answer.status  # noqa: S101 - else nothing is measured


def _reacted(comment: Comment) -> bool:
    return comment.reactions != []


def _rate(figures: Sequence[dict[str, Any]]) -> float:
    return float(statistics.median(each["a_second"] for each in figures))


def _latency(figures: Sequence[dict[str, Any]]) -> str:
    p50 = statistics.median(each["p50"] for each in figures)
    p99 = statistics.median(each["p99"] for each in figures)
    return f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"


async def measure(*, quick: bool, only: str) -> None:
    cores = sorted(os.sched_getaffinity(0))
    own, rest = {cores[0]}, set(cores[1:]) or {cores[0]}
    os.sched_setaffinity(0, rest)
    seconds, rounds = (2.0, 1) if quick else (5.0, 3)
    async with CodegenEmulator(run_seconds=None, limits=False) as codegen, GitHubEmulator(limits=False) as github:
        bench = Bench(github, codegen, own, rest)
        agents = asyncio.create_task(bench.finish_runs())
        alone = 0.0
        if "a" in only or "b" in only:
            alone = _rate((await acknowledged(bench, seconds, rounds))["bot"])
        if "b" in only:
            await beside_commands(bench, seconds, rounds, alone)
        if "c" in only:
            await burst(bench, 200 if quick else 1_000)
        if "d" in only:
            await eyes(bench, 10 if quick else 50)
        if "e" in only:
            await memory(bench, 10_000 if quick else 100_000)
        agents.cancel()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    arguments.add_argument("--only", default="abcde", help="some of the figures")
    given = arguments.parse_args()
    asyncio.run(measure(quick=given.quick, only=given.only))


if __name__ == "__main__":
    main()
