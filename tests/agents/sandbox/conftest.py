"""Sandboxes in which tests run small Python programs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.agents.config import SandboxKind
from bot.agents.sandbox import Sandbox, SandboxedProcess, SandboxSpec
from bot.agents.sandbox.choice import problem, sandbox_of

MakeSpec = Callable[..., SandboxSpec]


@pytest.fixture
def make_spec(tmp_path: Path) -> MakeSpec:
    """Specs of runs; each name has its folders."""

    def make(name: str = "run", **fields: Any) -> SandboxSpec:
        folders: dict[str, Any] = {part: tmp_path / name / part for part in ("worktree", "home", "tmp")}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        return SandboxSpec(**folders, **fields)

    return make


@pytest.fixture(scope="session")
def bubblewrap_problem() -> str | None:
    return asyncio.run(problem(SandboxKind.BUBBLEWRAP))


@pytest.fixture
def bubblewrap(bubblewrap_problem: str | None) -> Sandbox:
    """Skips where bubblewrap does not work; in CI it has to."""
    if bubblewrap_problem and not os.environ.get("CI"):
        pytest.skip(bubblewrap_problem)
    return sandbox_of(SandboxKind.BUBBLEWRAP)


@pytest.fixture(params=list(SandboxKind))
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each kind."""
    if request.param is SandboxKind.BUBBLEWRAP:
        found: Sandbox = request.getfixturevalue("bubblewrap")
        return found
    return sandbox_of(SandboxKind.NONE)


def python(program: str, *arguments: str) -> Sequence[str]:
    """A command that a sandbox can run: its Python is the one that runs the forwarder."""
    return (os.path.realpath(sys.executable), "-I", "-c", program, *arguments)


async def output_of(
    sandbox: Sandbox, spec: SandboxSpec, command: Sequence[str], **environment: str
) -> tuple[str, SandboxedProcess]:
    """What a program prints until it ends; its standard error is in `stderr` beside the worktree."""
    spec = replace(spec, environment={**spec.environment, **environment})
    process = await sandbox.start(command, spec, stderr=spec.worktree.parent / "stderr")
    output = await process.stdout.read()
    await process.wait()
    return output.decode(), process
