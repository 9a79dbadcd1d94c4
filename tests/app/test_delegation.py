"""Agents of one's own and Codegen's at once: a run's agent says which of them does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.agents.config import Agent, AgentsConfig, SandboxKind
from bot.agents.delegated import TYPES, with_codegen
from bot.agents.preset import Interface, Preset
from bot.app.agents import new_token
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.errors import SettingsError
from bot.settings.model import OwnAgents
from bot.storage.agent_models import StoredRun
from bot.storage.agents import AgentStore
from bot.storage.database import open_engine
from tests.app.replies import last_reply
from tests.harness import TIMEOUT
from tests.harness.databases import migrated_sqlite
from tests.harness.server import emulators, quick_timing, running_server
from tests.harness.terminal import without_times


def agents_config(name: str = "fixer") -> AgentsConfig:
    command = ("sh", "-c", "echo I fixed it.")
    preset = Preset(name=name, interface=Interface.COMMAND, command=command, install="", needs_model=False)
    agent = Agent(name=name, preset=preset, command=command)
    return AgentsConfig(agents={name: agent}, default=name, sandbox=SandboxKind.NONE)


@dataclass
class Both:
    """A server with both, its GitHub and its Codegen."""

    github: GitHubEmulator
    codegen: CodegenEmulator
    folder: Path
    http: aiohttp.ClientSession
    database_url: str
    url: str = ""
    server: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        settings = {"agent": "fixer", "agents_dir": str(self.folder / "agents"), "codegen_api_token": "sk-org1-server"}
        server = running_server(
            self.github, self.codegen, self.database_url, agents=agents_config(), timing=quick_timing(), **settings
        )
        self.url = await self.server.enter_async_context(server)

    async def stop(self) -> None:
        await self.server.aclose()

    async def comment(self, text: str) -> None:
        self.github.comment("alice", 1, text)
        await self.github.idle()

    async def reply(self, words: str) -> str:
        return (
            without_times(await last_reply(self.github, words))
            .replace(self.url, "SERVER")
            .replace(self.codegen.url, "CODEGEN")
        )

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        token = new_token(OwnAgents(database_url=self.database_url), "alice")
        async with self.http.request(
            method, f"{self.url}/v1/organizations/1{path}", json=body, headers={"Authorization": f"Bearer {token}"}
        ) as response:
            return response.status, await response.json()

    def run(self) -> StoredRun:
        found = AgentStore(open_engine(self.database_url)).run(1)
        assert found is not None
        return found

    def log(self) -> list[tuple[str, Any]]:
        store = AgentStore(open_engine(self.database_url))
        return [(each["message_type"], each["thought"] or each["observation"]) for each in store.log(1)[1:]]


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    async with AsyncExitStack() as stack:
        codegen = CodegenEmulator(run_seconds=None, limits=False)
        github, _ = await stack.enter_async_context(emulators(codegen=codegen))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        found = Both(github, codegen, tmp_path, http, migrated_sqlite(tmp_path / "bot.sqlite"))
        stack.push_async_callback(found.stop)
        await found.start()
        yield found


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not await asyncio.to_thread(is_so):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.02)


async def start(both: Both) -> None:
    await both.comment("/codegen run --agent-type codegen fix it")
    await both.codegen.run_created(1)
    await both.reply("[run 1]")


async def test_run_of_codegen_is_followed_to_its_end(both: Both) -> None:
    await start(both)
    both.codegen.add_log(1, thought="I look around.")
    both.codegen.finish(1, status="COMPLETE", result="I fixed it.", pull_request="octo/shop#12")
    assert await both.reply("Finished") == snapshot("""\
Finished in N s: [run 1](SERVER/#/runs/1), with [octo/shop#12](https://github.com/octo/shop/pull/12).

I fixed it.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    sent = both.codegen.runs[1]
    assert (sent.agent_type, sent.repo_id, "fix it" in sent.prompt) == ("codegen", 101, True)
    assert sent.metadata is not None
    assert sent.metadata["codegen_bot"]["identity"].startswith("delegated-1-issue-comment-")
    assert both.log() == snapshot([("ACTION", "I look around."), ("FINAL_ANSWER", "I fixed it.")])


async def test_run_of_own_agent_does_not_reach_codegen(both: Both) -> None:
    await both.comment("/codegen run fix it")
    await both.reply("Finished")
    assert both.codegen.runs == {}


async def test_resume_goes_to_the_same_run(both: Both) -> None:
    await start(both)
    both.codegen.finish(1, status="COMPLETE", result="I fixed it.")
    await both.reply("Finished")
    await both.comment("/codegen resume and test it")
    await both.codegen.until(lambda: len(both.codegen.runs[1].prompts) == 2)
    both.codegen.finish(1, status="COMPLETE", result="I tested it.")
    assert "I tested it." in await both.reply("tested")
    assert len(both.codegen.runs) == 1


async def test_created_run_with_lost_response_is_found(both: Both) -> None:
    both.codegen.control.fault(path="/agent/run$", method="POST", action="drop", after_work=True)
    await start(both)
    both.codegen.finish(1, status="COMPLETE", result="I fixed it.")
    await both.reply("Finished")
    assert len(both.codegen.runs) == 1


async def test_follow_up_with_lost_response_is_sent_once(both: Both) -> None:
    await start(both)
    both.codegen.finish(1, status="COMPLETE", result="I fixed it.")
    await both.reply("Finished")
    both.codegen.control.fault(path="/agent/run/resume$", method="POST", action="drop", after_work=True)
    await both.comment("/codegen resume and test it")
    await both.codegen.until(lambda: len(both.codegen.runs[1].prompts) == 2)
    both.codegen.finish(1, status="COMPLETE", result="I tested it.")
    assert "I tested it." in await both.reply("tested")
    assert len(both.codegen.runs[1].prompts) == 2


async def test_restarted_server_follows_on(both: Both) -> None:
    await start(both)
    both.codegen.add_log(1, thought="I look around.")
    await both.codegen.until(lambda: sum("/run/1/logs" in each.path for each in both.codegen.control.journal) > 1)
    await both.stop()
    both.codegen.add_log(1, thought="I write a test.")
    await both.start()
    both.codegen.finish(1, status="COMPLETE", result="I fixed it.")
    await both.reply("Finished")
    assert [text for _, text in both.log()] == ["I look around.", "I write a test.", "I fixed it."]
    assert (len(both.codegen.runs), len(both.codegen.runs[1].prompts)) == (1, 1)


async def test_restarted_server_follows_a_follow_up(both: Both) -> None:
    await start(both)
    both.codegen.finish(1, status="COMPLETE", result="I fixed it.")
    await both.reply("Finished")
    await both.comment("/codegen resume and test it")
    await both.codegen.until(lambda: len(both.codegen.runs[1].prompts) == 2)
    await both.stop()
    await both.start()
    both.codegen.finish(1, status="COMPLETE", result="I tested it.")
    assert "I tested it." in await both.reply("tested")
    assert len(both.codegen.runs[1].prompts) == 2


async def test_refusal_of_codegen_is_the_result(both: Both) -> None:
    both.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Limit reached."})
    await both.comment("/codegen run --agent-type claude-code fix it")
    assert await both.reply("failed") == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after N s.

Codegen starts no more runs: the plan's runs are used up. Raise the plan. Its message: Limit reached.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")


async def test_flags_are_passed_on(both: Both) -> None:
    await start(both)
    both.codegen.open_pull_request(1, "octo/shop#12")
    for operation in ("ban", "unban", "remove-from-pr"):
        status, document = await both.call("POST", f"/agent/run/{operation}", {"agent_run_id": 1})
        assert status == 200, document
        # Whoever follows the run passes the ban on once more, when it sees that it is to stop.
        await until(lambda: both.run().is_finished)
    assert [each.path.rpartition("/")[2] for each in both.codegen.control.journal if each.method == "POST"] == snapshot(
        ["run", "ban", "ban", "unban", "remove-from-pr"]
    )


async def test_codegens_run_cannot_be_cancelled(both: Both) -> None:
    await start(both)
    status, run = await both.call("GET", "/agent/run/1")
    assert (status, "cancellable" in run) == (200, False)
    status, document = await both.call("POST", "/agent/run/cancel", {"agent_run_id": 1})
    assert (status, document["message"]) == snapshot(
        (400, "Run 1 is one of Codegen's agents, which stop by their pull request only: ban its checks.")
    )
    both.codegen.finish(1, status="COMPLETE")
    await both.reply("Finished")


def test_agent_with_the_name_of_codegens() -> None:
    assert [*with_codegen(agents_config()).agents] == ["fixer", *TYPES]
    with pytest.raises(SettingsError) as caught:
        with_codegen(agents_config("codegen"))
    assert str(caught.value) == snapshot(
        "The agents file names an agent 'codegen', and with CODEGEN_API_TOKEN that is the name of one of Codegen's. Rename the agent, or remove the token."
    )
