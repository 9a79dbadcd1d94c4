"""One run of a real agent: its workspace, its HOME, and turn after turn in the sandbox."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from bot.agents.agent_turn import AgentTurn
from bot.agents.command import PROMPT_FILE, run_command_turn
from bot.agents.config import Agent
from bot.agents.egress import Egress
from bot.agents.model import AgentResult, LogEntry
from bot.agents.preset import Interface, ModelApi
from bot.agents.presets import PRESETS
from bot.agents.sandbox import Sandbox, SandboxSpec
from bot.agents.sandbox.installation import installation_of
from bot.agents.session import run_acp_turn
from bot.agents.workspace.model import RunFolder
from tests.harness.model_server import ModelServer

KEY = "sk-the-real-key-of-the-model"
MODEL = "scripted-model"

SOURCE = "def add(a, b):\n    return a - b\n"
FIXED = "def add(a, b):\n    return a + b\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealRun(RunFolder):
    """:param log: the entries of all turns
    :param refused: the hosts that the agent tried to reach
    """

    agent: Agent
    server: ModelServer
    sandbox: Sandbox
    log: list[LogEntry] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def source(self) -> Path:
        """A file with a mistake."""
        return self.worktree / "calc.py"

    @property
    def workspace(self) -> str:
        """The worktree as the agent sees it."""
        return self.sandbox.workspace(self._spec())

    def make(self) -> None:
        RunFolder.make(self)
        self.source.write_text(SOURCE)

    async def turn(
        self,
        prompt: str,
        *,
        session_id: str | None = None,
        cancel: asyncio.Event | None = None,
        silence: float = 60.0,
    ) -> AgentResult:
        """Starts the agent anew, gives it a prompt, and waits until nothing of it is left."""
        async with Egress(
            self.agent, folder=self.folder, sandbox=self.sandbox.kind, on_refused=self.refused.append
        ) as egress:
            launch = self.agent.preset.launch(
                self.agent.command, endpoint=egress.url, model=self.agent.model, workspace=self.workspace
            )
            for path, text in {**launch.files, PROMPT_FILE: prompt}.items():
                (self.home / path).parent.mkdir(parents=True, exist_ok=True)
                (self.home / path).write_text(text)
            prompt_file = f"{self.sandbox.home(self._spec())}/{PROMPT_FILE}"
            environment = {**egress.environment, **launch.environment, "PROMPT_FILE": prompt_file}
            spec = self._spec(egress.socket, environment)
            turn = AgentTurn(
                agent=self.agent,
                prompt=prompt,
                session_id=session_id,
                options=launch.options,
                cwd=self.workspace,
                home=self.home,
                stderr=self.stderr,
                silence=silence,
                total=180.0,
                changed=self._is_changed,
                model_status=lambda: egress.model_status,
                is_model_cut_off=lambda: egress.is_model_cut_off,
            )
            process = await self.sandbox.start(launch.command, spec, stderr=self.stderr)
            run = run_acp_turn if self.agent.preset.interface is Interface.ACP else run_command_turn
            return await run(process, turn, add_entry=self.log.append, cancel=cancel or asyncio.Event())

    def _spec(self, socket: Path | None = None, environment: Mapping[str, str] | None = None) -> SandboxSpec:
        return SandboxSpec(
            worktree=self.worktree,
            home=self.home,
            tmp=self.tmp,
            socket=socket,
            programs=installation_of(self.agent.program),
            environment=environment or {},
        )

    async def _is_changed(self) -> bool:
        return self.source.read_text() != SOURCE


def real_agent(name: str, server: ModelServer) -> Agent:
    """An agent whose model is the scripted one."""
    preset = PRESETS[name]
    return Agent(
        name=name,
        preset=preset,
        command=preset.command,
        model=MODEL,
        endpoint=server.url + ("/v1" if preset.api is ModelApi.OPENAI else ""),
        key=SecretStr(KEY),
    )


def find_on_path(folder: Path) -> str:
    """PATH with the programs of an agent first."""
    return os.pathsep.join([str(folder), os.environ["PATH"]])
