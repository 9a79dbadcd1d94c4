"""Checks agents of one's own: git, the sandbox, and for each agent its program and its model API."""

from __future__ import annotations

import asyncio
import shutil

from bot.agents.config import Agent, AgentsConfig, SandboxKind
from bot.agents.git import version_problem
from bot.agents.preset import Interface
from bot.agents.probing import SECONDS as PROBE_SECONDS
from bot.agents.probing import probe
from bot.agents.sandbox import Sandbox
from bot.agents.sandbox.choice import problem
from bot.app.model_apis import model_api_problem
from bot.cli.doctor.session import Finding, error, ok, warning

GIT, SANDBOX = "git", "Sandbox"

TIMEOUT = PROBE_SECONDS + 15.0
"""Seconds for the check of one agent."""

_SANDBOX_FIX = "Until then no agent is started."


async def check_git() -> list[Finding]:
    if (why := await version_problem()) is not None:
        return [error(GIT, why, "Update it: agents of your own need it for their workspaces.")]
    return [ok(GIT, "Its version is right.")]


async def check_sandbox(config: AgentsConfig) -> list[Finding]:
    if (why := await problem(config.sandbox)) is not None:
        return [error(SANDBOX, why, _SANDBOX_FIX)]
    if config.sandbox is SandboxKind.NONE:
        sentence = "There is none: agents can read and change everything that the bot's own user can."
        return [
            warning(SANDBOX, sentence, "Remove `sandbox: none` from the agents file, unless the machine is theirs.")
        ]
    return [ok(SANDBOX, f"{config.sandbox.value.capitalize()} works here.")]


async def check_agent(agent: Agent, sandbox: Sandbox | None) -> list[Finding]:
    """:param sandbox: in which it is started; None if there is none that works, so that it is not"""
    subject = subject_of(agent)
    if await asyncio.to_thread(shutil.which, agent.program) is None:
        fix = f"Install it: {agent.preset.install}" if agent.preset.install else "Correct its command."
        return [error(subject, f"{agent.program} is not on the PATH of this process.", fix)]
    if sandbox is not None and (why := await probe(agent, sandbox)) is not None:
        return [error(subject, why, "Until then its runs fail.")]
    if (wrong := await model_api_problem(agent)) is not None:
        return [error(subject, *wrong)]
    done = "starts" if sandbox is not None and agent.preset.interface is Interface.ACP else "is installed"
    model = agent.model_name or ("a model of its own choice" if agent.preset.api else "no model API")
    return [ok(subject, f"{agent.program} {done}; it uses {model}{_at(agent)}.")]


def subject_of(agent: Agent) -> str:
    return f"Agent {agent.name}"


def _at(agent: Agent) -> str:
    return f" of {agent.endpoint}" if agent.endpoint and agent.preset.api else ""
