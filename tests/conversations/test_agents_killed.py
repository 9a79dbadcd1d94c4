"""The bot is a process of its own here, with agents in it, and is killed without a warning (SIGKILL)."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.config import SandboxKind
from bot.agents.sandbox.choice import problem
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN, REPOSITORY
from bot.text.markers import Stage, find
from tests.harness.agents_world import script
from tests.harness.command_lines import unique_number, until_gone, until_running
from tests.harness.processes import LogLines, environment
from tests.harness.server import SECRET, emulators

EDIT = {"edit": "app/checkout.py", "append": "# Edited.\n"}


class Machine:
    """A machine on which the bot is started again and again."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path) -> None:
        self.github = github
        self.log = LogLines()
        own = {"CODEGEN_API_TOKEN": "", "AGENTS_FILE": str(folder / "agents.yml"), "LOG_FORMAT": "json"}
        self._environ = {**environment(github, codegen), **own}
        self._folder = folder
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        since = len(self.log.lines)
        command = (sys.executable, "-m", "bot", "serve")
        self._process = await asyncio.create_subprocess_exec(*command, cwd=self._folder, env=self._environ, stderr=PIPE)
        self._reading = asyncio.create_task(self._read(self._process))
        await self.log.until("server.listening", since=since)
        port = next(json.loads(line)["port"] for line in self.log.lines[since:] if "server.listening" in line)
        self.github.webhooks.url = f"http://127.0.0.1:{port}/webhooks/github"

    async def _read(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.log.add(line.decode())

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    def stages(self) -> list[Stage | None]:
        """Of the bot's comments on the issue, as they stand now."""
        markers = [find(comment.body) for comment in self.github.comments(2) if comment.author == BOT_LOGIN]
        return [None if marker is None else marker.stage for marker in markers]


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    sandbox = SandboxKind.NONE if await problem(SandboxKind.BUBBLEWRAP) else SandboxKind.BUBBLEWRAP
    (tmp_path / "agents.yml").write_text(f"agents: {{scripted: {{preset: scripted}}}}\nsandbox: {sandbox.value}\n")
    async with emulators(GitHubEmulator(webhook_secret=SECRET, limits=False)) as (github, codegen):
        machine = Machine(github, codegen, tmp_path)
        await machine.start()
        try:
            yield machine
        finally:
            await machine.kill()


async def test_killed_while_an_agent_works(machine: Machine) -> None:
    """The agent dies with the bot. The next bot takes the turn over, continues the agent's session, and publishes once."""
    sleep = f"sleep {unique_number()}"
    wait = f"test -e ~/second || {{ touch ~/second; {sleep}; }}"
    steps = script({"remember": "the tax"}, EDIT, {"run": wait}, {"recall": True})
    machine.github.comment("bob", 2, f"/codegen run fix it{steps}")
    await until_running(sleep)

    await machine.kill()
    await until_gone(sleep)
    await machine.start()
    await machine.log.until("turn.taken_over")
    await machine.github.until(lambda: machine.stages() == [Stage.FINISHED])

    assert "the tax" in machine.github.comments(2)[-1].body
    assert [*machine.github.world.threads] == [1, 2, 3]
    branch = machine.github.world.threads[3].branch
    assert branch is not None
    commits = (await machine.github.git.run(REPOSITORY, "rev-list", "--count", f"main..{branch}")).decode()
    assert commits.strip() == "1"


async def test_killed_while_the_pull_request_is_being_opened(machine: Machine) -> None:
    """GitHub has opened it, but its answer never arrived: the next bot finds it, and opens no second one."""
    fault = {"action": "hang", "after_work": True, "delay": 20.0}
    machine.github.control.fault(path="/pulls$", method="POST", **fault)
    machine.github.comment("bob", 2, f"/codegen run fix it{script(EDIT, {'say': 'Done.'})}")
    await machine.github.until(lambda: 3 in machine.github.world.threads)

    await machine.kill()
    await machine.start()
    await machine.github.until(lambda: machine.stages() == [Stage.FINISHED])

    assert [*machine.github.world.threads] == [1, 2, 3]
    assert "octo/shop#3" in machine.github.comments(2)[-1].body
