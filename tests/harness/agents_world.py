"""The world of a conversation with agents of one's own: GitHub with real git, the bot, and scripted agents in it.

Nothing stands in for Codegen: the bot serves its API itself, and a worker in its process runs the agents.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.agents.config import Agent, AgentsConfig, SandboxKind
from bot.agents.preset import Interface, Preset
from bot.agents.presets import PRESETS
from bot.agents.sandbox.choice import problem
from bot.app.agents import new_token
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import REPOSITORY, Thread
from bot.settings.model import OwnAgents
from bot.storage.agent_models import StoredRun
from bot.storage.agents import AgentStore
from bot.storage.database import open_engine
from bot.text.markers import Stage
from tests.harness import TIMEOUT
from tests.harness.clock import WorldClock
from tests.harness.databases import migrated_sqlite
from tests.harness.server import SECRET, emulators
from tests.harness.world import World


def script(*steps: Mapping[str, Any]) -> str:
    """A part of a prompt that the scripted agent carries out step by step."""
    return f"\n\n```json\n{json.dumps({'steps': steps})}\n```"


def reports(dollars: float) -> dict[str, Any]:
    """The cost of the session so far, as the scripted agent reports it: a step."""
    cost = {"amount": dollars, "currency": "USD"}
    return {"update": {"sessionUpdate": "usage_update", "used": 1_000, "size": 200_000, "cost": cost}}


def scripted() -> Agent:
    """The emulated agent, which speaks ACP."""
    preset = PRESETS["scripted"]
    return Agent(name="scripted", preset=preset, command=preset.command)


def program(name: str, *command: str) -> Agent:
    """An agent without a protocol."""
    preset = Preset(name=name, interface=Interface.COMMAND, command=command, install="", needs_model=False)
    return Agent(name=name, preset=preset, command=command)


FIXER = program("fixer", "sh", "-c", "echo '# Fixed.' >> app/checkout.py; echo I fixed the checkout.")


class AgentsWorld(World):
    """A world whose bot runs its agents itself."""

    def __init__(
        self,
        github: GitHubEmulator,
        codegen: CodegenEmulator,
        clock: WorldClock,
        folder: Path,
        *,
        sandbox: SandboxKind,
        agents: Sequence[Agent] = (),
    ) -> None:
        super().__init__(github, codegen, clock, migrated_sqlite(folder / "bot.sqlite"))
        self.folder = folder / "agents"
        self.settings = {"agent": "scripted", "agents_dir": str(self.folder), "codegen_api_token": ""}
        self.agents = AgentsConfig(
            agents={each.name: each for each in (scripted(), FIXER, *agents)}, default="scripted", sandbox=sandbox
        )
        self._engine = open_engine(self.database_url)
        self.store = AgentStore(self._engine)

    async def dispose(self) -> None:
        await asyncio.to_thread(self._engine.dispose)

    def run(self, run_id: int = 1) -> StoredRun:
        found = self.store.run(run_id)
        assert found is not None
        return found

    def log(self, run_id: int = 1) -> str:
        """All of a run's log."""
        return json.dumps(self.store.log(run_id, limit=1_000))

    async def until_logged(self, words: str, run_id: int = 1) -> None:
        """Waits until an entry of a run's log contains these words."""
        async with asyncio.timeout(TIMEOUT):
            while words not in await asyncio.to_thread(self.log, run_id):  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(0.01)

    async def until_run(self, run_id: int) -> None:
        """Waits until there is this run."""
        async with asyncio.timeout(TIMEOUT):
            while await asyncio.to_thread(self.store.run, run_id) is None:  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(0.01)

    async def ended(self, run_id: int) -> StoredRun:
        """A run's final state."""
        async with asyncio.timeout(TIMEOUT):
            while not (run := await asyncio.to_thread(self.run, run_id)).is_finished:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return run

    def token(self, login: str) -> str:
        return new_token(OwnAgents(database_url=self.database_url), login)

    async def final(self, *, number: int = 1, seconds: float = TIMEOUT) -> str:
        """The bot's next final reply, without the server's address."""
        last = {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}
        found: list[str] = []

        def look() -> bool:
            found[:] = self._next(last, number)
            return bool(found)

        await self.github.until(look, seconds=seconds)
        return found[0].replace(self.url, "SERVER")

    # GitHub

    def pull_request(self, number: int) -> Thread:
        return self.github.world.threads[number]

    async def files(self, branch: str) -> dict[str, str]:
        """The texts of a branch, by their paths."""
        return await self.github.git.texts(REPOSITORY, f"refs/heads/{branch}")

    async def message(self, branch: str) -> str:
        """Of a branch's last commit."""
        message = (await self.github.git.run(REPOSITORY, "log", "-1", "--format=%an%n%B", branch)).decode()
        return message.strip().replace(self.url, "SERVER")


@asynccontextmanager
async def agents_world_at(
    folder: Path, *, sandbox: SandboxKind = SandboxKind.BUBBLEWRAP, agents: Sequence[Agent] = ()
) -> AsyncIterator[AgentsWorld]:
    """:param sandbox: without one where bubblewrap does not work: what it keeps out is shown elsewhere
    :param agents: besides the scripted one and the fixer
    """
    if sandbox is SandboxKind.BUBBLEWRAP and await problem(sandbox):
        sandbox = SandboxKind.NONE
    clock = WorldClock()
    async with emulators(
        GitHubEmulator(webhook_secret=SECRET, limits=False, now=clock.now_at_github),
        CodegenEmulator(run_seconds=None, limits=False, clock=clock.seconds),
    ) as (github, codegen):
        clock.begin_at(codegen.now())
        world = AgentsWorld(github, codegen, clock, folder, sandbox=sandbox, agents=agents)
        await world.start_bot()
        try:
            yield world
        finally:
            await world.stop_bot()
            await world.dispose()
        assert codegen.control.journal == []
    assert not world.unread(), f"unread replies: {world.unread()}"
