"""Workers of agents as processes on one PostgreSQL, which can be killed, frozen, stopped and cut off from it."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from bot.agents.config import SandboxKind
from bot.agents.sandbox.choice import problem
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import REPOSITORY
from bot.storage.agent_models import NewRun, NewTurn, StoredRun
from bot.storage.agent_users import AgentUsers
from bot.storage.agents import AgentStore
from bot.storage.database import open_engine
from tests.harness import TIMEOUT
from tests.harness.processes import LogLines, environment
from tests.harness.server import SECRET, emulators

FAST_WORKER = ("tests.chaos.fast_worker",)
AS_STARTED = ("bot", "agents", "worker")


@dataclass(eq=False, slots=True)
class WorkerProcess:
    """:param name: of the worker, as the database has it"""

    process: Process
    log: LogLines = field(default_factory=LogLines)
    name: str = ""
    reading: asyncio.Task[None] | None = None

    async def read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            text = line.decode(errors="replace").rstrip()
            if found := re.search(r"worker\.started.*worker=(\S+)", text):
                self.name = found[1]
            self.log.add(text)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self._ended()

    async def stop(self) -> int:
        """As a deployment does.

        :returns: its exit status
        """
        self.process.terminate()
        return await self._ended()

    async def _ended(self) -> int:
        async with asyncio.timeout(TIMEOUT):
            status = await self.process.wait()
            assert self.reading is not None
            await self.reading
        return status


class Workers:
    """The emulated GitHub, a database, and the workers on it.

    :param folder: each machine's files are below it
    """

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, database_url: str, folder: Path) -> None:
        self.github = github
        self._codegen = codegen
        self._database_url = database_url
        self.folder = folder
        self._engine = open_engine(database_url)
        self.store = AgentStore(self._engine)
        self._users = AgentUsers(self._engine)
        self._numbers = itertools.count()
        self.sandbox = SandboxKind.BUBBLEWRAP
        self.started: list[WorkerProcess] = []

    async def start(
        self,
        *,
        machine: str = "machine",
        database_url: str = "",
        module: tuple[str, ...] = FAST_WORKER,
        command: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        **config: Any,
    ) -> WorkerProcess:
        """Starts a worker, and waits until it takes turns.

        :param machine: workers of the same machine share a folder
        :param database_url: by which it reaches the database
        :param command: of the agent, if not the scripted one's own
        :param settings: more variables of its environment
        :param config: keys of the agents file, with underscores
        """
        number = next(self._numbers)
        file = self.folder / f"agents-{number}.yml"
        keys = {name.replace("_", "-"): value for name, value in config.items()}
        agents = {"scripted": {"preset": "scripted", **({"command": [*command]} if command else {})}}
        file.write_text(yaml.safe_dump({"agents": agents, "sandbox": self.sandbox.value, **keys}))
        environ = environment(
            self.github,
            self._codegen,
            CODEGEN_API_TOKEN="",
            DATABASE_URL=database_url or self._database_url,
            AGENTS_FILE=str(file),
            AGENTS_DIR=str(self.folder / machine),
            **(settings or {}),
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *module), cwd=self.folder, env=environ, stderr=PIPE
        )
        worker = WorkerProcess(process)
        worker.reading = asyncio.create_task(worker.read())
        self.started.append(worker)
        await worker.log.until("worker.started")
        return worker

    @property
    def said(self) -> list[str]:
        return [line for worker in self.started for line in worker.log.lines]

    async def aclose(self) -> None:
        for worker in self.started:
            # A frozen process ends by SIGKILL too.
            await worker.kill()
        await asyncio.to_thread(self._engine.dispose)

    # What the API does

    async def ask(self, *steps: dict[str, Any], person: str = "alice", repository: str = REPOSITORY) -> int:
        """Creates a run of the scripted agent, and returns its id."""
        return await asyncio.to_thread(self._ask, steps, person, repository)

    def _ask(self, steps: tuple[dict[str, Any], ...], person: str, repository: str) -> int:
        now = datetime.now(UTC)
        user = self._users.ensure_user(person, at=now)
        prompt = f"Change it.\n\n```json\n{json.dumps({'steps': steps})}\n```\n"
        turn = NewTurn(
            prompt=prompt, entry={"message_type": "USER_MESSAGE", "observation": "Change it."}, person=person
        )
        new = NewRun(user_id=user.id, agent="scripted", repository=repository, turn=turn)
        return self.store.create_run(new, at=now).id

    async def resume(self, run_id: int, *steps: dict[str, Any]) -> None:
        prompt = f"Go on.\n\n```json\n{json.dumps({'steps': steps})}\n```\n"
        turn = NewTurn(prompt=prompt, entry={"message_type": "USER_MESSAGE", "observation": "Go on."})
        await asyncio.to_thread(self.store.resume_run, run_id, turn, at=datetime.now(UTC))

    async def cancel(self, run_id: int) -> None:
        await asyncio.to_thread(self.store.cancel_run, run_id, at=datetime.now(UTC))

    async def run(self, run_id: int) -> StoredRun:
        found = await asyncio.to_thread(self.store.run, run_id)
        assert found is not None
        return found

    async def log(self, run_id: int) -> str:
        """All of a run's log."""
        return json.dumps(await asyncio.to_thread(self.store.log, run_id, limit=1_000))

    async def until(self, run_id: int, predicate: Callable[[StoredRun], bool]) -> StoredRun:
        async with asyncio.timeout(TIMEOUT):
            while not predicate(run := await self.run(run_id)):  # noqa: ASYNC110 - in the database
                await asyncio.sleep(0.05)
        return run

    async def ended(self, run_id: int) -> StoredRun:
        return await self.until(run_id, lambda run: run.is_finished)

    # GitHub

    def pull_requests(self, run_id: int) -> list[int]:
        """The numbers of those that a run has opened, as GitHub has them."""
        return [
            number
            for number, thread in self.github.world.threads.items()
            if thread.branch is not None
            and thread.branch.endswith(f"-{run_id}")
            and thread.branch.startswith("codegen-bot/")
        ]


@asynccontextmanager
async def agent_workers(database_url: str, folder: Path) -> AsyncIterator[Workers]:
    """:param database_url: of a migrated PostgreSQL"""
    async with emulators(GitHubEmulator(webhook_secret=SECRET, limits=False)) as (github, codegen):
        workers = Workers(github, codegen, database_url, folder)
        if await problem(SandboxKind.BUBBLEWRAP):
            workers.sandbox = SandboxKind.NONE
        try:
            yield workers
        except BaseException as error:
            error.add_note("\n".join(workers.said[-80:]))
            raise
        finally:
            await workers.aclose()
