"""Several processes of the bot on one PostgreSQL, behind a balancer, and what can happen to them."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.emulator.github.world import BOT_LOGIN
from bot.replies.markers import Stage, find
from tests.chaos.process import AS_SERVED

SECRET = "the webhook's secret"
ROOT = Path(__file__).parents[1]


class Balancer:
    """Gives each delivery to the next of those that answer."""

    def __init__(self) -> None:
        self.behind: list[str] = []
        self.taken: Counter[str] = Counter()
        self._turns = itertools.count()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        application = web.Application()
        application.add_routes([web.post("/webhooks/github", self._pass_on)])
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as self._http:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/github"
        await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        for _ in self.behind:
            url = self.behind[next(self._turns) % len(self.behind)]
            try:
                async with self._http.post(f"{url}/webhooks/github", data=body, headers=request.headers) as answer:
                    self.taken[url] += answer.status == 202
                    return web.Response(status=answer.status)
            except aiohttp.ClientConnectionError:
                continue
        return web.Response(status=502)


class Several:
    """Both emulators, the processes and the balancer before them."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, balancer: Balancer, database_url: str) -> None:
        self.github = github
        self.codegen = codegen
        self.balancer = balancer
        self._database_url = database_url
        self.processes: dict[str, Process] = {}
        self._reading: list[asyncio.Task[None]] = []

    async def start(
        self, count: int, *, module: tuple[str, ...] = AS_SERVED, database_url: str | None = None
    ) -> list[str]:
        """Starts processes, and puts them behind the balancer.

        :param module: what ``python -m`` starts in each of the processes
        :param database_url: by which they reach the database, where it is not the usual one
        :returns: their addresses
        """
        return await asyncio.gather(*(self._start(module, database_url or self._database_url) for _ in range(count)))

    async def _start(self, module: tuple[str, ...], database_url: str) -> str:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CODEGEN_API_TOKEN": "sk-org1-several",
            "CODEGEN_ORG_ID": "1",
            "CODEGEN_API_BASE_URL": self.codegen.url,
            "GITHUB_TOKEN": "bot-token",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "DATABASE_URL": database_url,
            "PORT": "0",
        }
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", *module, env=environ, stderr=PIPE)
        listens: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reading.append(asyncio.create_task(self._read(process, listens)))
        async with asyncio.timeout(30):
            url = await listens
        self.processes[url] = process
        self.balancer.behind.append(url)
        return url

    @staticmethod
    async def _read(process: Process, listens: asyncio.Future[str]) -> None:
        """Passes on what it logs, for whoever looks at a failure; and a full pipe would stop it."""
        assert process.stderr is not None
        async for line in process.stderr:
            print(process.pid, line.decode().rstrip())  # noqa: T201
            if found := re.search(rb"server.listens.*port=(\d+)", line):
                listens.set_result(f"http://127.0.0.1:{int(found[1])}")

    async def kill(self, url: str) -> None:
        process = self.leave(url)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def leave(self, url: str) -> Process:
        """Takes a process out of the balancer and out of those that are ended with the test."""
        if url in self.balancer.behind:
            self.balancer.behind.remove(url)
        return self.processes.pop(url)

    def freeze(self, url: str) -> None:
        """Stops a process where it is; the balancer passes nothing on to it."""
        self.balancer.behind.remove(url)
        self.processes[url].send_signal(signal.SIGSTOP)

    async def thaw(self, url: str) -> int:
        """Lets a frozen process go on, and waits for its end.

        :returns: its exit status
        """
        process = self.processes[url]
        process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(60):
            return await process.wait()

    async def aclose(self) -> None:
        for url in [*self.processes]:
            await self.kill(url)
        await asyncio.gather(*self._reading)

    def stages(self) -> Counter[Stage]:
        """Of the bot's replies, as they stand now; each command has one."""
        markers = [find(comment.body) for comment in self.github.comments(1) if comment.author == BOT_LOGIN]
        identities = [marker.identity for marker in markers if marker is not None]
        assert len(identities) == len({*identities}), "a command has two replies"
        return Counter(marker.stage for marker in markers if marker is not None)


@asynccontextmanager
async def several_processes(database_url: str) -> AsyncIterator[Several]:
    """Both emulators and the balancer; no process is started yet, and none is left at the end."""
    github = GitHubEmulator(webhook_secret=SECRET, limits=False)
    balancer = Balancer()
    async with CodegenEmulator(pace=None, limits=False) as codegen, github, balancer.open() as url:
        github.webhooks.url = url
        several = Several(github, codegen, balancer, database_url)
        try:
            yield several
        finally:
            await several.aclose()
