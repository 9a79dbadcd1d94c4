"""Several processes of the bot on one PostgreSQL, behind a balancer, which can be killed, frozen and stopped."""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN
from bot.text.markers import Stage, find
from tests.chaos.process import AS_SERVED
from tests.harness import TIMEOUT
from tests.harness.processes import LISTENS, LogLines, environment
from tests.harness.server import SECRET

HERE = "127.0.0.1"


class Balancer:
    """Sends each delivery to the next process that responds."""

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
        await web.TCPSite(runner, HERE, 0).start()
        async with aiohttp.ClientSession() as self._http:
            yield f"http://{HERE}:{runner.addresses[0][1]}/webhooks/github"
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs.

    :param database_url: by which it reaches the database from there
    :param host: where it listens
    :param inside: the command that takes another one there
    """

    database_url: str
    host: str = HERE
    inside: tuple[str, ...] = ()


class Several:
    """Both emulators, the processes and the balancer before them."""

    def __init__(
        self,
        github: GitHubEmulator,
        codegen: CodegenEmulator,
        balancer: Balancer,
        database_url: str,
        show: Callable[[str], None],
    ) -> None:
        self.github = github
        self.codegen = codegen
        self.balancer = balancer
        self._place = Place(database_url)
        self._show = show
        self._log = LogLines()
        self.said = self._log.lines
        self._executors: dict[str, str] = {}
        self.processes: dict[str, Process] = {}
        self._reading: list[asyncio.Task[None]] = []

    async def start(self, count: int, *, module: tuple[str, ...] = AS_SERVED, place: Place | None = None) -> list[str]:
        """Starts processes, and puts them behind the balancer.

        :param module: what ``python -m`` starts in each of the processes
        :param place: where they run, if not beside all others
        :returns: their addresses
        """
        return await asyncio.gather(*(self._start(module, place or self._place) for _ in range(count)))

    async def _start(self, module: tuple[str, ...], place: Place) -> str:
        environ = environment(self.github, self.codegen, DATABASE_URL=place.database_url, HOST=place.host)
        process = await asyncio.create_subprocess_exec(
            *place.inside, sys.executable, "-m", *module, env=environ, stderr=PIPE
        )
        listens: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
        self._reading.append(asyncio.create_task(self._read(process, listens)))
        try:
            async with asyncio.timeout(TIMEOUT):
                executor, port = await listens
        except BaseException:
            # It is not among those that are ended with the test yet.
            process.kill()
            raise
        url = f"http://{place.host}:{port}"
        self._executors[url] = executor
        self.processes[url] = process
        self.balancer.behind.append(url)
        return url

    async def _read(self, process: Process, listens: asyncio.Future[tuple[str, int]]) -> None:
        """Records the log of a process, which a full pipe would block."""
        assert process.stderr is not None
        executor = ""
        async for line in process.stderr:
            text = line.decode().rstrip()
            self._show(f"{process.pid} {text}")
            self._log.add(text)
            if found := re.search(r"engine\.started.*executor=(\S+)", text):
                executor = found[1]
            if found := LISTENS.search(text):
                listens.set_result((executor, int(found[1])))

    async def replaced(self, url: str) -> None:
        """Waits until another process has recovered the work of one."""
        await self.until_logged(rf"executor\.recovered.*executor={self._executors[url]}\b")

    async def until_logged(self, words: str) -> None:
        """Waits until a process has logged such a line.

        :param words: a regular expression, searched in it
        """
        await self._log.until(words)

    async def kill(self, url: str) -> None:
        process = self.leave(url)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def stop(self, url: str) -> None:
        """As a deployment does."""
        self.processes[url].send_signal(signal.SIGTERM)
        assert await self.ended(url) == 0

    def leave(self, url: str) -> Process:
        """Takes a process out of the balancer and out of those that are ended with the test."""
        if url in self.balancer.behind:
            self.balancer.behind.remove(url)
        return self.processes.pop(url)

    def freeze(self, url: str) -> None:
        """Freezes a process; the balancer sends nothing to it."""
        self.balancer.behind.remove(url)
        self.processes[url].send_signal(signal.SIGSTOP)

    def wake(self, url: str) -> None:
        """Resumes a frozen process that was not replaced."""
        self.processes[url].send_signal(signal.SIGCONT)
        self.balancer.behind.append(url)

    async def thaw(self, url: str) -> int:
        """Lets a frozen process go on that was replaced, and waits for its end.

        :returns: its exit status
        """
        self.processes[url].send_signal(signal.SIGCONT)
        return await self.ended(url)

    async def ended(self, url: str) -> int:
        """Waits until a process has ended by itself.

        :returns: its exit status
        """
        async with asyncio.timeout(TIMEOUT):
            return await self.leave(url).wait()

    async def aclose(self) -> None:
        for url in [*self.processes]:
            await self.kill(url)
        await asyncio.gather(*self._reading)

    def ask(self, count: int) -> list[Comment]:
        """:returns: the comments, each with a command that starts one run"""
        return [self.github.comment("bob", 1, f"/codegen run fix number {number}") for number in range(count)]

    async def runs_started(self, count: int) -> None:
        """Waits for so many runs, also where the work has to be recovered first."""
        await self.codegen.until(lambda: len(self.codegen.runs) >= count)

    async def all_answered(self, commands: list[Comment]) -> None:
        """Ends all runs, and waits until each command has its reply and its reactions; each has had one run."""
        await self.runs_started(len(commands))
        for run in self.codegen.runs:
            self.codegen.finish(run)
        await self.github.until(lambda: self.stages() == {Stage.FINISHED: len(commands)})
        await self.github.until(lambda: reactions(commands) == {("eyes", "rocket")})
        assert len(self.codegen.runs) == len(commands)

    def stages(self) -> Counter[Stage]:
        """The current stages of the bot's replies; each command has one."""
        markers = [find(comment.body) for comment in self.github.comments(1) if comment.author == BOT_LOGIN]
        identities = [marker.identity for marker in markers if marker is not None]
        assert len(identities) == len({*identities}), "a command has two replies"
        return Counter(marker.stage for marker in markers if marker is not None)


def reactions(commands: list[Comment]) -> set[tuple[str, ...]]:
    return {tuple(reaction.content for reaction in comment.reactions) for comment in commands}


@asynccontextmanager
async def several_processes(
    database_url: str, *, host: str = HERE, show: Callable[[str], None] = print
) -> AsyncIterator[Several]:
    """Both emulators and the balancer; no process is started yet, and none is left at the end.

    :param host: where the emulators listen
    :param show: is given each line that the processes log
    """
    github = GitHubEmulator(webhook_secret=SECRET, limits=False)
    codegen = CodegenEmulator(run_seconds=None, limits=False)
    async with AsyncExitStack() as stack:
        for emulator in (codegen, github):
            await emulator.start(host)
            stack.push_async_callback(emulator.stop)
        yield await stack.enter_async_context(between(github, codegen, database_url, show=show))


@asynccontextmanager
async def between(
    github: GitHubEmulator, codegen: CodegenEmulator, database_url: str, *, show: Callable[[str], None] = print
) -> AsyncIterator[Several]:
    """The same with emulators that are there already."""
    balancer = Balancer()
    async with balancer.open() as github.webhooks.url:
        several = Several(github, codegen, balancer, database_url, show)
        try:
            yield several
        finally:
            await several.aclose()
