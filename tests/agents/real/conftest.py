"""A run of each agent under test, with its model scripted."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.config import Agent, SandboxKind
from bot.agents.sandbox.choice import problem, sandbox_of
from tests.agents.real.installing import PINS, programs_of
from tests.agents.real.turns import KEY, RealRun, find_on_path, real_agent
from tests.harness.model_server import ModelServer

WANTED = os.environ.get("AGENTS", "").split() or [*PINS]


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(key=KEY) as server:
        yield server


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.agents) for name in WANTED])
def agent(request: pytest.FixtureRequest, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An installed agent, which is on PATH."""
    name = request.param
    programs = programs_of(name)
    if programs is None:
        pytest.skip(f'{name} is not installed: make test-agents AGENTS="{name}"')
    monkeypatch.setenv("PATH", find_on_path(programs))
    return real_agent(name, server)


@pytest.fixture
async def run(agent: Agent, tmp_path: Path, server: ModelServer) -> RealRun:
    """In the sandbox where it works, else without."""
    kind = SandboxKind.NONE if await problem(SandboxKind.BUBBLEWRAP) else SandboxKind.BUBBLEWRAP
    run = RealRun(folder=tmp_path, agent=agent, server=server, sandbox=sandbox_of(kind))
    run.make()
    return run
