from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.config import Agent, SandboxKind
from bot.agents.preset import Interface, Preset
from bot.agents.presets import PRESETS
from bot.agents.probing import probe
from bot.agents.sandbox import Sandbox
from bot.agents.sandbox.choice import problem, sandbox_of


def agent_of(preset: Preset, *command: str) -> Agent:
    return Agent(name="mine", preset=preset, command=command or preset.command)


@pytest.fixture(params=[*SandboxKind])
async def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    kind: SandboxKind = request.param
    if reason := await problem(kind):
        pytest.skip(reason)
    return sandbox_of(kind)


async def test_probe_agent_that_works(sandbox: Sandbox) -> None:
    assert await probe(agent_of(PRESETS["scripted"]), sandbox) is None


async def test_probe_program_that_is_missing(sandbox: Sandbox) -> None:
    sentence = await probe(agent_of(replace(PRESETS["opencode"], command=("opencode-of-tomorrow", "acp"))), sandbox)
    assert sentence == "The agent mine is not installed here. Install it: `npm install -g opencode-ai`"


async def test_probe_program_that_speaks_no_acp(sandbox: Sandbox) -> None:
    sentence = await probe(agent_of(PRESETS["scripted"], "sh", "-c", "echo 'usage: thing FILE'; exit 2"), sandbox)
    assert sentence is not None
    assert sentence.startswith("The agent mine ended with exit status 2 while it started.")
    assert sentence.endswith("Its last output: usage: thing FILE")


async def test_probe_mode_that_is_refused(sandbox: Sandbox) -> None:
    sentence = await probe(agent_of(replace(PRESETS["scripted"], mode="unheard-of")), sandbox)
    assert sentence == "The agent refused its mode unheard-of: it may ask, or decline to run commands."


async def test_probe_command_is_only_looked_for(tmp_path: Path, sandbox: Sandbox) -> None:
    script = tmp_path / "fix.sh"
    script.write_text("#!/bin/sh\nexit 1\n")
    os.chmod(script, 0o755)  # noqa: PTH101, S103
    preset = Preset(name="fixer", interface=Interface.COMMAND, command=(str(script),), install="see its README")
    assert await probe(agent_of(preset), sandbox) is None
    script.unlink()
    assert (
        await probe(agent_of(preset), sandbox) == "The agent mine is not installed here. Install it: `see its README`"
    )
