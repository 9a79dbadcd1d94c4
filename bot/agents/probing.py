"""Checks that a configured agent starts in the sandbox and opens a session. Its model gets no request."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.agents.agent_turn import AgentTurn
from bot.agents.config import Agent
from bot.agents.model import TurnError
from bot.agents.preset import Interface
from bot.agents.sandbox import PROXY_PORT, Sandbox, SandboxSpec
from bot.agents.sandbox.installation import find, installation_of
from bot.agents.session import open_session

SECONDS = 90.0
"""The slowest agents need more than ten seconds on a busy machine."""


async def probe(agent: Agent, sandbox: Sandbox) -> str | None:
    """One sentence on what an agent is missing here, and what to do; None if it can work.

    Starts it as for a turn, with an empty workspace and HOME. For a program without a protocol, only its presence is
    checked.
    """
    try:
        find(agent.program)
    except TurnError:
        return f"The agent {agent.name} is not installed here. Install it: `{agent.preset.install}`"
    if agent.preset.interface is not Interface.ACP:
        return None
    with tempfile.TemporaryDirectory(prefix="codegen-bot-probe-") as folder:
        try:
            return await _open_session(agent, sandbox, Path(folder))
        except TurnError as error:
            return error.sentence


async def _open_session(agent: Agent, sandbox: Sandbox, folder: Path) -> str | None:
    worktree, home, tmp = (folder / name for name in ("worktree", "home", "tmp"))
    for path in (worktree, home, tmp):
        path.mkdir()
    own = (Path(__file__).parents[1],) if "{bot}" in agent.command else ()
    spec = SandboxSpec(worktree=worktree, home=home, tmp=tmp, programs=(*installation_of(agent.program), *own))
    launch = agent.preset.launch(
        agent.command,
        endpoint=f"http://127.0.0.1:{PROXY_PORT}/model",
        model=agent.model_name or ("none" if agent.preset.needs_model else None),
        workspace=sandbox.workspace(spec),
    )
    _write(home, launch.files)
    stderr = folder / "stderr"
    process = await sandbox.start(launch.command, replace(spec, environment=launch.environment), stderr=stderr)
    turn = AgentTurn(
        agent=agent,
        prompt="",
        options=launch.options,
        cwd=sandbox.workspace(spec),
        home=home,
        stderr=stderr,
        silence=SECONDS,
        total=SECONDS,
        changed=_unchanged,
    )
    return await open_session(process, turn)


def _write(home: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def _unchanged() -> bool:
    return False
