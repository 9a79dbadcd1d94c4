"""``codegen-bot doctor`` and agents of one's own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from inline_snapshot import snapshot
from pydantic import SecretStr

from bot.agents.config import Agent, AgentsConfig, SandboxKind
from bot.agents.preset import ModelApi, Preset
from bot.cli.doctor.session import Severity
from tests.cli.doctor.checked_bot import CheckedBot
from tests.harness.terminal import Terminal

OWN: dict[str, Any] = {"agent": "mine", "codegen_api_token": ""}
KEY = "sk-model-key"
AGENT = (sys.executable, "-m", "bot.emulators.agent")


def config(endpoint: str = "", *, command: tuple[str, ...] = AGENT, key: str = KEY) -> AgentsConfig:
    preset = Preset(
        name="mine", command=command, install="pip install mine", api=ModelApi.OPENAI, key_variable="MINE_KEY"
    )
    agent = Agent(name="mine", preset=preset, command=command, model="m", endpoint=endpoint, key=SecretStr(key))
    return AgentsConfig(agents={"mine": agent}, default="mine", sandbox=SandboxKind.NONE)


@asynccontextmanager
async def model_api() -> AsyncIterator[str]:
    """It has a list of models, and one valid key."""

    async def models(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.headers.get("Authorization") == f"Bearer {KEY}" else 401)

    application = web.Application()
    application.add_routes([web.get("/v1/models", models)])
    async with TestServer(application) as server:
        yield str(server.make_url("/v1"))


async def findings(checked: CheckedBot, agents: AgentsConfig) -> list[str]:
    found = await checked.findings(agents=agents, as_app=True, **OWN)
    return [checked.normalized(each) for each in found if each.subject in {"Codegen", "git", "Sandbox", "Agent mine"}]


async def test_agents_that_work(checked: CheckedBot) -> None:
    async with model_api() as url:
        found = await findings(checked, config(url))
    assert [each.replace(sys.executable, "PYTHON").replace(url, "MODELS") for each in found] == snapshot(
        [
            "ok git: Its version is right. -> ",
            "warning Sandbox: There is none: agents can read and change everything that the bot's own user can. -> Remove `sandbox: none` from the agents file, unless the machine is theirs.",
            "ok Agent mine: PYTHON starts; it uses m of MODELS. -> ",
        ]
    )


async def test_agents_need_no_account_of_codegens(checked: CheckedBot) -> None:
    async with model_api() as url:
        found = await checked.findings(agents=config(url), **OWN)
    assert "Codegen" not in {each.subject for each in found}
    assert not [each for each in found if each.level is Severity.ERROR]
    assert checked.codegen.control.journal == []


async def test_agent_that_is_not_installed(checked: CheckedBot) -> None:
    assert (await findings(checked, config(command=("no-such-agent",))))[-1] == snapshot(
        "error Agent mine: no-such-agent is not on the PATH of this process. -> Install it: pip install mine"
    )


async def test_model_api_that_refuses_the_key(checked: CheckedBot) -> None:
    async with model_api() as url:
        found = await findings(checked, config(url, key="sk-wrong-key"))
    assert found[-1].replace(url, "MODELS") == snapshot(
        'error Agent mine: MODELS does not accept the model key (401). -> Set "key" in the agents file, or MINE_KEY, to a valid one.'
    )
    assert "sk-wrong-key" not in "".join(found)


async def test_model_api_that_cannot_be_reached(checked: CheckedBot) -> None:
    assert (await findings(checked, config("http://127.0.0.1:9/v1")))[-1] == snapshot(
        "error Agent mine: http://127.0.0.1:9/v1 cannot be reached: Connection refused. -> Check its endpoint, and that this machine can reach it."
    )


async def test_agents_file_that_is_not_valid(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "agents.yml"
    path.write_text("agents:\n  a: {preset: cloude}\n")
    typed = await terminal.run("doctor", without="CODEGEN_API_TOKEN", GITHUB_WEBHOOK_SECRET="s", AGENTS_FILE=str(path))
    assert typed.status == 1
    assert typed.stdout.replace(str(path), "FILE").splitlines()[:3] == snapshot(
        [
            "ok       Settings            Complete.",
            'error    Agents              FILE: Line 2: "agents.a.preset" is not a known agent. Did you mean "claude"?',
            "                             Correct it; until then the server does not start.",
        ]
    )


async def test_agent_that_does_not_start(checked: CheckedBot) -> None:
    found = await findings(checked, config(command=(sys.executable, "-c", "raise SystemExit('no licence')")))
    assert found[-1].replace(sys.executable, "PYTHON") == snapshot(
        "error Agent mine: The agent mine ended with exit status 1 while it started. Try again, or check its `command` in the agents file. Its last output: no licence -> Until then its runs fail."
    )
