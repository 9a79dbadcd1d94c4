"""The bot is a process of its own here, and is killed without a warning (SIGKILL)."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN
from bot.text.markers import Stage, find
from tests.harness import TIMEOUT
from tests.harness.processes import LISTENS, environment
from tests.harness.server import SECRET


class Outside:
    """Both emulators, and the process that is the bot."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path) -> None:
        self.github = github
        self.codegen = codegen
        self._folder = folder
        self._process: Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "serve",
            cwd=self._folder,
            env=environment(self.github, self.codegen),
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr is not None
        async with asyncio.timeout(TIMEOUT):
            async for line in self._process.stderr:
                if found := LISTENS.search(line.decode()):
                    self.github.webhooks.url = f"http://127.0.0.1:{int(found[1])}/webhooks/github"
                    return
        raise AssertionError("the bot did not come up")

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    def stages(self) -> list[Stage | None]:
        """Of the bot's comments, as they stand now."""
        markers = [find(comment.body) for comment in self.github.comments(1) if comment.author == BOT_LOGIN]
        return [None if marker is None else marker.stage for marker in markers]


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    async with _outside(tmp_path) as outside:
        yield outside


@asynccontextmanager
async def _outside(folder: Path) -> AsyncIterator[Outside]:
    github = GitHubEmulator(webhook_secret=SECRET)
    async with CodegenEmulator(run_seconds=None) as codegen, github:
        outside = Outside(github, codegen, folder)
        await outside.start()
        try:
            yield outside
        finally:
            await outside.kill()


async def test_killed_while_the_run_is_being_created(outside: Outside) -> None:
    """Codegen has made the run, but its answer never arrived. The next process finds the run and goes on."""
    fault = {"action": "hang", "after_work": True, "delay": 20.0}
    outside.codegen.control.fault(path="/agent/run$", method="POST", **fault)
    outside.github.comment("bob", 1, "/codegen run fix it")
    await outside.codegen.run_created(1)
    await outside.kill()

    await outside.start()
    await outside.github.until(lambda: Stage.STARTED in outside.stages())
    outside.codegen.finish(1)
    await outside.github.until(lambda: outside.stages() == [Stage.FINISHED])

    assert len(outside.codegen.runs) == 1


async def test_killed_while_the_reply_is_being_written(outside: Outside) -> None:
    """The comment is there, but its number was never noted. The next process finds it by its marker."""
    fault = {"action": "hang", "after_work": True, "delay": 20.0}
    outside.github.control.fault(path="/issues/1/comments$", method="POST", **fault)
    outside.github.comment("bob", 1, "/codegen run fix it")
    await outside.github.until(lambda: outside.stages() == [Stage.ACCEPTED])
    await outside.kill()

    await outside.start()
    await outside.codegen.run_created(1)
    await outside.github.until(lambda: Stage.STARTED in outside.stages())
    outside.codegen.finish(1)
    await outside.github.until(lambda: outside.stages() == [Stage.FINISHED])


async def test_killed_while_a_reply_that_only_shows_is_being_written(outside: Outside) -> None:
    """Nothing of it was noted, as there is nothing else to do twice: the reply is found by its marker."""
    fault = {"action": "hang", "after_work": True, "delay": 20.0}
    outside.github.control.fault(path="/issues/1/comments$", method="POST", **fault)
    outside.github.comment("bob", 1, "/codegen runs")
    await outside.github.until(lambda: outside.stages() != [])
    await outside.kill()

    await outside.start()
    outside.github.comment("bob", 1, "/codegen help")
    await outside.github.until(lambda: outside.stages() == [Stage.FINISHED, Stage.FINISHED])


async def test_killed_while_the_run_works(outside: Outside) -> None:
    outside.github.comment("bob", 1, "/codegen run fix it")
    await outside.github.until(lambda: outside.stages() == [Stage.STARTED])
    await outside.kill()
    outside.codegen.finish(1)

    await outside.start()
    await outside.github.until(lambda: outside.stages() == [Stage.FINISHED])

    assert len(outside.codegen.runs) == 1
