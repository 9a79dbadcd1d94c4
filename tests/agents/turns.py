"""Whole turns: real git on this disk, a real store, a real sandbox, and the scripted agent; GitHub is made up."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine

from bot.agents.config import Agent, AgentsConfig, SandboxKind
from bot.agents.presets import PRESETS
from bot.agents.prices import Price
from bot.agents.publishing.model import Identity, account_identity
from bot.agents.publishing.publisher import Publisher
from bot.agents.sandbox import Limits
from bot.agents.sandbox.choice import sandbox_of
from bot.agents.sandbox.installation import installation_of
from bot.agents.session import run_acp_turn
from bot.agents.turn import execute_turn
from bot.agents.turn_services import TurnServices
from bot.agents.worker import Worker
from bot.agents.workspace.workspaces import Workspaces
from bot.execution.cost_limits import CostLimits
from bot.storage.agent_costs import AgentCosts
from bot.storage.agent_models import NewRun, NewTurn, StoredRun
from bot.storage.agent_turns import AgentTurns
from bot.storage.agent_users import AgentUsers
from bot.storage.agents import AgentStore
from bot.storage.tables import AGENT_TURNS
from bot.tasks import running
from tests.agents.repositories import PROTOCOLS, REPOSITORY, LocalGitHub
from tests.harness import TIMEOUT


def script(*steps: Mapping[str, Any]) -> str:
    """A prompt that the scripted agent carries out step by step."""
    return f"Fix the cart\n\n```json\n{json.dumps({'steps': steps})}\n```\n"


@dataclass
class NoEgress:
    """A proxy that lets nothing through, and is not even there."""

    socket: Path | None = None
    url: str = "http://127.0.0.1:9/model"
    environment: Mapping[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    model_status: int | None = None
    is_model_cut_off: bool = False


@dataclass
class Runs:
    """Runs whose turns are carried out by a worker.

    :param sandbox: of the agents
    """

    engine: Engine
    github: LocalGitHub
    root: Path
    sandbox: SandboxKind = SandboxKind.NONE
    lease: float = 10.0
    timeout_minutes: float = 5.0
    silence: float = 60.0
    limits: Limits = field(default_factory=Limits)
    cost_limits: CostLimits = field(default_factory=CostLimits)
    prices: Mapping[str, Price] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = AgentStore(self.engine)
        self.turns = AgentTurns(self.engine, lease=self.lease)
        self.agent = Agent(name="scripted", preset=PRESETS["scripted"], command=PRESETS["scripted"].command)
        self.workspaces = Workspaces(
            root=self.root,
            github=self.github,
            objects_inside=None if self.sandbox is SandboxKind.NONE else Path("/mirror/objects"),
            protocols=PROTOCOLS,
        )

    def services(self) -> TurnServices:
        return TurnServices(
            config=AgentsConfig(
                agents={"scripted": self.agent},
                default="scripted",
                sandbox=self.sandbox,
                timeout_minutes=self.timeout_minutes,
                prices=self.prices,
            ),
            store=self.store,
            costs=AgentCosts(self.engine),
            workspaces=self.workspaces,
            sandbox=sandbox_of(self.sandbox),
            open_egress=self._open_egress,
            run_agent=lambda _: run_acp_turn,
            installation_of=installation_of,
            publisher=Publisher(workspaces=self.workspaces, github=self.github, sleep=lambda _: asyncio.sleep(0)),
            own_login="codegen-bot",
            author=self._author,
            identity=self._identity,
            thread_title=self._thread_title,
            secret_patterns=self._secret_patterns,
            cost_limits=self._cost_limits,
            run_url=lambda run_id: f"https://bot.example/runs/{run_id}",
            now=lambda: datetime.now(UTC),
            silence=self.silence,
            limits=self.limits,
            log_interval=0.01,
            usage_interval=0.01,
        )

    @asynccontextmanager
    async def _open_egress(self, agent: Agent, **options: Any) -> AsyncIterator[NoEgress]:
        yield NoEgress()

    @staticmethod
    async def _author(_: str) -> Identity:
        return Identity(name="codegen-bot", email="codegen-bot@users.noreply.github.com")

    @staticmethod
    async def _identity(_: str, login: str) -> Identity:
        return account_identity(login)

    @staticmethod
    async def _thread_title(_: str, number: int) -> str:
        return f"Thread {number}"

    @staticmethod
    async def _secret_patterns(_: str) -> tuple[str, ...]:
        return ()

    async def _cost_limits(self, _: str) -> CostLimits:
        return self.cost_limits

    # What the API does

    def add_user(self, login: str) -> int:
        return AgentUsers(self.engine).ensure_user(login, at=datetime.now(UTC)).id

    def create(
        self, prompt: str, *, repository: str | None = REPOSITORY, images: Sequence[str] = (), **fields: Any
    ) -> StoredRun:
        """A run of Alice's."""
        turn = replace(fields.pop("turn", None) or _turn(prompt), images=images)
        given: dict[str, Any] = {"user_id": self.add_user("alice"), "agent": "scripted", **fields}
        new = NewRun(repository=repository, turn=turn, **given)
        return self.store.create_run(new, at=datetime.now(UTC))

    def change_prompt(self, run_id: int, prompt: str) -> None:
        """What the scripted agent does when the turn goes on."""
        with self.engine.begin() as connection:
            connection.execute(AGENT_TURNS.update().where(AGENT_TURNS.c.run_id == run_id).values(prompt=prompt))

    def resume(self, run_id: int, prompt: str) -> None:
        self.store.resume_run(run_id, _turn(prompt), at=datetime.now(UTC))

    # What the worker does

    @asynccontextmanager
    async def working(
        self, *, name: str = "w1", period: float = 0.02, lease: float | None = None
    ) -> AsyncIterator[Worker]:
        """:param lease: after which this worker gives its turns up, if not that after which others take them"""
        worker = Worker(
            self.turns,
            partial(execute_turn, self.services()),
            name=name,
            concurrency=2,
            poll_interval=0.01,
            period=period,
            lease=self.lease if lease is None else lease,
        )
        async with running(worker.run()):
            yield worker

    async def finished(self, run_id: int) -> StoredRun:
        """Lets a worker carry the run's turns out."""
        async with self.working():
            await self.until(run_id, lambda run: run.is_finished)
        return self.run(run_id)

    async def until(self, run_id: int, predicate: Callable[[StoredRun], bool]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not predicate(await asyncio.to_thread(self.run, run_id)):  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(0.01)

    async def until_logged(self, run_id: int, words: str) -> None:
        """Waits until an entry of the run's log contains these words."""
        await self.until(run_id, lambda _: words in json.dumps(self.store.log(run_id, limit=500)))

    async def until_session(self, run_id: int) -> None:
        await self.until(run_id, lambda run: run.session_id is not None)

    def run(self, run_id: int) -> StoredRun:
        found = self.store.run(run_id)
        assert found is not None
        return found

    def log(self, run_id: int) -> list[tuple[str, str | None]]:
        """Type and text of the entries of a run's log."""
        return [
            (entry["message_type"], _without_commit(entry.get("observation") or entry.get("thought")))
            for entry in self.store.log(run_id, limit=500)
        ]


def _without_commit(text: str | None) -> str | None:
    return text and re.sub(r"\b[0-9a-f]{12}\b", "COMMIT", text)


def _turn(prompt: str) -> NewTurn:
    return NewTurn(prompt=prompt, entry={"message_type": "USER_MESSAGE", "observation": prompt.partition("\n")[0]})
