"""Several processes share one PostgreSQL behind a balancer: they share the work, and finish that of one that is killed."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.emulator.github.world import BOT_LOGIN
from bot.replies.markers import Stage, find
from tests.chaos.process import AS_SERVED, IN_A_HURRY

pytest_plugins = ["tests.postgresql"]

SECRET = "the webhook's secret"
ROOT = Path(__file__).parents[2]


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

    async def start(self, count: int, *, module: tuple[str, ...] = AS_SERVED) -> None:
        """:param module: what ``python -m`` starts in each of the processes"""
        await asyncio.gather(*(self._start(module) for _ in range(count)))

    async def _start(self, module: tuple[str, ...]) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CODEGEN_API_TOKEN": "sk-org1-several",
            "CODEGEN_ORG_ID": "1",
            "CODEGEN_API_BASE_URL": self.codegen.url,
            "GITHUB_TOKEN": "bot-token",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "DATABASE_URL": self._database_url,
            "PORT": "0",
        }
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", *module, env=environ, stderr=PIPE)
        listens: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reading.append(asyncio.create_task(self._read(process, listens)))
        async with asyncio.timeout(30):
            url = await listens
        self.processes[url] = process
        self.balancer.behind.append(url)

    @staticmethod
    async def _read(process: Process, listens: asyncio.Future[str]) -> None:
        """Passes on what it logs, for whoever looks at a failure; and a full pipe would stop it."""
        assert process.stderr is not None
        async for line in process.stderr:
            print(process.pid, line.decode().rstrip())  # noqa: T201
            if found := re.search(rb"server.listens.*port=(\d+)", line):
                listens.set_result(f"http://127.0.0.1:{int(found[1])}")

    async def kill(self, url: str) -> None:
        self.balancer.behind.remove(url)
        process = self.processes.pop(url)
        process.kill()
        await process.wait()

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


@pytest.fixture
async def several(postgresql_url: str) -> AsyncIterator[Several]:
    github = GitHubEmulator(webhook_secret=SECRET, limits=False)
    balancer = Balancer()
    async with CodegenEmulator(pace=None, limits=False) as codegen, github, balancer.open() as url:
        github.webhooks.url = url
        several = Several(github, codegen, balancer, postgresql_url)
        try:
            yield several
        finally:
            await several.aclose()


@pytest.mark.parametrize(("count", "module"), [(2, IN_A_HURRY), (3, AS_SERVED)], ids=["two", "three"])
async def test_the_others_finish_what_a_killed_one_was_at(
    several: Several, count: int, module: tuple[str, ...]
) -> None:
    """It does not come back. Its runs go on at Codegen; their ends are told by whoever took its commands over."""
    await several.start(count, module=module)
    commands = [several.github.comment("bob", 1, f"/codegen run fix number {number}") for number in range(2 * count)]
    await several.codegen.run_created(len(commands))
    assert sum(several.balancer.taken.values()) == len(commands)
    assert all(several.balancer.taken[url] for url in several.processes)

    await several.kill(several.balancer.behind[0])
    for run in several.codegen.runs:
        several.codegen.finish(run)
    await several.github.until(lambda: several.stages() == {Stage.FINISHED: len(commands)}, seconds=40)

    def reactions() -> set[tuple[str, ...]]:
        return {tuple(reaction.content for reaction in comment.reactions) for comment in commands}

    await several.github.until(lambda: reactions() == {("eyes", "rocket")})
    assert len(several.codegen.runs) == len(commands)


async def test_one_of_them_watches_all_runs(several: Several) -> None:
    """Two processes ask Codegen as often as one would."""
    await several.start(2)
    for number in range(4):
        several.github.comment("bob", 1, f"/codegen run fix number {number}")
    await several.codegen.run_created(4)
    several.codegen.control.journal.clear()
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(5)
    looks = sum(entry.path.endswith("/agent/runs") for entry in several.codegen.control.journal)
    seconds = asyncio.get_running_loop().time() - began
    assert 1 <= looks <= seconds / 2 + 1
