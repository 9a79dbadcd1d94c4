"""Real agents in the whole: from a comment on GitHub to commits of a pull request, and on from there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.config import Agent, SandboxKind
from bot.agents.sandbox import WORKSPACE
from tests.agents.real.scripts import ending, next_minute_for, until
from tests.agents.real.turns import KEY
from tests.harness.agents_world import AgentsWorld, agents_world_at
from tests.harness.model_server import Edit, Fail, ModelServer, Read, Run

FILE = "app/checkout.py"

SECONDS = 180.0
"""For a real agent's turn on a busy machine, where the sandbox gives it the lowest priority."""


@pytest.fixture
async def world(agent: Agent, tmp_path: Path) -> AsyncIterator[AgentsWorld]:
    async with agents_world_at(tmp_path, agents=(agent,)) as world:
        yield world


def path_in(world: AgentsWorld, name: str) -> str:
    """A file of the first run's worktree, as its agent sees it."""
    assert world.agents
    is_sandboxed = world.agents.sandbox is SandboxKind.BUBBLEWRAP
    return f"{WORKSPACE if is_sandboxed else world.folder / 'runs/1/worktree'}/{name}"


async def test_comment_becomes_commits_and_resume_goes_on(
    world: AgentsWorld, agent: Agent, server: ModelServer
) -> None:
    await world.github.git.sync()
    before = (await world.files("fix-checkout"))[FILE]
    line = before.splitlines()[0]
    path = path_in(world, FILE)
    server.script(Read(path), Edit(path, line, f"{line}  # checked"), ending(agent, "I checked the checkout."))

    await world.comment("bob", f"/codegen run --agent-type {agent.name} check the checkout, word wombat")
    reply = await world.final(seconds=SECONDS)

    assert reply.startswith("Finished"), reply
    assert "I checked the checkout." in reply
    after = (await world.files("fix-checkout"))[FILE]
    assert after == before.replace(line, f"{line}  # checked", 1)
    assert {request.key for request in server.requests} == {KEY}

    await next_minute_for(agent)
    asked = len(server.requests)
    server.script(ending(agent, "It was wombat."))
    # A path comes first: opencode would take it for a command of its own.
    await world.comment("bob", f"/codegen resume 1 /{FILE} had a word: which?")
    assert "It was wombat." in await world.final(seconds=SECONDS)
    # The prompt of an agent without sessions says what was asked before.
    assert [request for request in server.requests[asked:] if "wombat" in request.text and request.has_tools]


async def test_follow_up_after_a_cancel_knows_the_task(world: AgentsWorld, agent: Agent, server: ModelServer) -> None:
    """gemini 0.61.0 cannot load such a session, and mini-swe-agent has none."""
    await world.github.git.sync()
    server.script(ending(agent, "Looked at it."))
    await world.comment("bob", f"/codegen run --agent-type {agent.name} look at the checkout")
    assert "Looked at it." in await world.final(seconds=SECONDS)

    await next_minute_for(agent)
    started = world.folder / "runs/1/worktree/started"
    server.script(Run(f"echo > {path_in(world, started.name)}; sleep 987654"))
    await world.comment("bob", "/codegen resume 1 check it, word wombat")
    async with asyncio.timeout(SECONDS):
        await until(started.exists)
    await world.comment("bob", "/codegen cancel 1")
    # The command's own reply, and the run's, in whichever order.
    replies = [await world.final(seconds=SECONDS) for _ in range(2)]
    assert any("was cancelled" in reply for reply in replies), replies

    await next_minute_for(agent)
    asked = len(server.requests)
    server.script(ending(agent, "It was wombat."))
    await world.comment("bob", "/codegen resume 1 which word was it?")

    assert "It was wombat." in await world.final(seconds=SECONDS)
    assert [request for request in server.requests[asked:] if "wombat" in request.text and request.has_tools]


async def test_refused_key_is_told_in_the_reply(world: AgentsWorld, agent: Agent, server: ModelServer) -> None:
    server.script(Fail(401))

    await world.comment("bob", f"/codegen run --agent-type {agent.name} fix the rounding")
    reply = await world.final(seconds=SECONDS)

    assert "failed" in reply.splitlines()[0]
    assert f"The model's API rejected the key (401). Check `key` of the agent {agent.name} in the agents file." in reply
