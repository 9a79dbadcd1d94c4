"""The server with agents of one's own: it is its own Codegen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from inline_snapshot import snapshot
from pydantic import SecretStr

from bot.agents.config import Agent, AgentsConfig, SandboxKind
from bot.agents.preset import Interface, Preset
from bot.app.agents import new_token, serving_agents
from bot.emulators.github import GitHubEmulator
from bot.settings.model import AgentSettings, OwnAgents
from tests.app.replies import last_reply
from tests.harness.databases import migrated_sqlite
from tests.harness.server import emulators, quick_timing, running_server
from tests.harness.terminal import without_times


def command_agent(name: str, *command: str) -> Agent:
    preset = Preset(name=name, interface=Interface.COMMAND, command=command, install="", needs_model=False)
    return Agent(name=name, preset=preset, command=command)


def agents_config(*agents: Agent) -> AgentsConfig:
    return AgentsConfig(agents={each.name: each for each in agents}, default=agents[0].name, sandbox=SandboxKind.NONE)


CONFIG = agents_config(command_agent("fixer", "true"), command_agent("other", "true"))


@dataclass(frozen=True, slots=True)
class Embedded:
    """A server with agents of its own, and its GitHub."""

    github: GitHubEmulator
    url: str
    http: aiohttp.ClientSession
    database_url: str

    async def comment(self, text: str) -> None:
        self.github.comment("alice", 1, text)
        await self.github.idle()

    async def reply(self, words: str) -> str:
        return await last_reply(self.github, words)

    def token(self, login: str = "alice") -> str:
        return new_token(OwnAgents(database_url=self.database_url), login)

    async def get(self, path: str, token: str | None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.get(f"{self.url}{path}", headers=headers) as response:
            return response.status, await response.json()


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with embedded_at(tmp_path) as found:
        yield found


@asynccontextmanager
async def embedded_at(folder: Path, config: AgentsConfig = CONFIG) -> AsyncIterator[Embedded]:
    database_url = migrated_sqlite(folder / "bot.sqlite")
    own = {"agent": "fixer", "agents_dir": str(folder / "agents"), "codegen_api_token": SecretStr("")}
    async with (
        emulators() as (github, codegen),
        running_server(github, codegen, database_url, agents=config, timing=quick_timing(), **own) as url,
        aiohttp.ClientSession() as http,
    ):
        yield Embedded(github, url, http, database_url)
        assert codegen.control.journal == []


async def test_comment_starts_run_of_own_agent(embedded: Embedded) -> None:
    await embedded.comment("/codegen run fix it")
    assert f"[run 1]({embedded.url}/#/runs/1)" in await embedded.reply("run 1")
    status, run = await embedded.get("/v1/organizations/1/agent/run/1", embedded.token())
    assert (status, run["web_url"]) == (200, f"{embedded.url}/#/runs/1")


async def test_run_ends_with_commit_on_pull_request(tmp_path: Path) -> None:
    script = tmp_path / "fix.sh"
    script.write_text("#!/bin/sh\necho fixed > fixed.txt\necho I fixed it.\n")
    script.chmod(0o755)
    async with embedded_at(tmp_path, agents_config(command_agent("fixer", str(script)))) as embedded:
        await embedded.comment("/codegen run fix it")
        reply = await embedded.reply("Finished")
        assert embedded.github.world.files["fix-checkout", "fixed.txt"] == "fixed\n"
    assert without_times(reply).replace(embedded.url, "SERVER") == snapshot("""\
Finished in N s: [run 1](SERVER/#/runs/1), with [octo/shop#1](https://github.com/octo/shop/pull/1). The agent `fixer` changed +2 −1 in 2 files.

I fixed it.

This run was not sandboxed: the agent could read and change everything that the bot's own user can, because the agents file says `sandbox: none`.

A follow-up: `/codegen resume 1 <what to do next>`\
""")


async def test_unknown_agent_is_refused_by_name(embedded: Embedded) -> None:
    await embedded.comment("/codegen run --agent-type claude fix it")
    assert await embedded.reply("agent-type") == snapshot(
        "There is no agent `claude` here; `--agent-type` is `fixer` or `other`. For example: `/codegen run fix the flaky checkout test`"
    )


async def test_help_names_own_agents(embedded: Embedded) -> None:
    await embedded.comment("/codegen help run")
    assert "--agent-type fixer|other" in await embedded.reply("--agent-type")


async def test_http_api_takes_tokens_of_own_api(embedded: Embedded) -> None:
    status, document = await embedded.get("/organizations", embedded.token())
    assert (status, document["items"]) == snapshot(
        (
            200,
            [
                {
                    "id": 1,
                    "name": "codegen-bot",
                    "settings": {"enable_pr_creation": True, "enable_rules_detection": True},
                }
            ],
        )
    )
    status, _ = await embedded.get("/organizations", "cgb_wrong")
    assert status == 401


async def test_v1_needs_a_token(embedded: Embedded) -> None:
    status, document = await embedded.get("/v1/users/me", None)
    assert (status, document["message"]) == snapshot(
        (401, "The API token is missing or not valid. Make one with: codegen-bot agents token create LOGIN")
    )


async def test_internal_token_is_not_stored(embedded: Embedded) -> None:
    _, document = await embedded.get("/v1/organizations/1/users", embedded.token())
    assert [user["github_username"] for user in document["items"]] == ["codegen-bot", "alice"]


async def test_serving_agents_serves_the_api_alone(tmp_path: Path) -> None:
    async with emulators() as (github, _), aiohttp.ClientSession() as http:
        given: dict[str, Any] = {
            "github_token": "bot-token",
            "github_api_url": github.url,
            "database_url": f"sqlite:///{tmp_path / 'agents.sqlite'}",
            "agent": "fixer",
            "port": 0,
        }
        async with serving_agents(AgentSettings.model_validate(given), CONFIG) as url:
            embedded = Embedded(github, url, http, given["database_url"])
            assert (await embedded.get("/readyz", None))[0] == 200
            status, me = await embedded.get("/v1/users/me", embedded.token("bob"))
            assert (status, me["github_username"]) == (200, "bob")
            assert (await embedded.get("/organizations", embedded.token("bob")))[0] == 404
            own = f"{url}/v1/organizations/1/agent/run"
            headers = {"Authorization": f"Bearer {embedded.token('bob')}"}
            async with http.post(own, json={"prompt": "Fix it."}, headers=headers) as response:
                assert (await response.json())["web_url"] == f"{own}/1"


async def test_whoami_names_own_agents(embedded: Embedded) -> None:
    await embedded.comment("/codegen whoami")
    assert (await embedded.reply("You are")).endswith("Agents of the bot's own do the work here: `fixer`, `other`.")


async def test_replies_do_not_speak_of_codegens_states(tmp_path: Path) -> None:
    async with embedded_at(tmp_path, agents_config(command_agent("broken", "false"))) as embedded:
        await embedded.comment("/codegen run fix it")
        reply = await embedded.reply("failed")
        versions = [text for each in embedded.github.comments(1)[-1:] for text in each.versions]
    assert without_times(reply).replace(embedded.url, "SERVER") == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after N s.

The agent broken ended with exit status 1 before it had finished. Try again, or check its `command` in the agents file.

This run was not sandboxed: the agent could read and change everything that the bot's own user can, because the agents file says `sandbox: none`.

Pull requests it left: [octo/shop#1](https://github.com/octo/shop/pull/1).

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")
    assert not [text for text in versions if "Codegen calls" in text]


async def test_servers_share_the_turns(tmp_path: Path, postgresql_url: str) -> None:
    """Each serves the API to itself, and takes turns from the same queue; a reply follows a run that another one did."""
    config = agents_config(command_agent("fixer", "sh", "-c", "echo I fixed it."))
    async with AsyncExitStack() as stack:
        github, codegen = await stack.enter_async_context(emulators())
        http = await stack.enter_async_context(aiohttp.ClientSession())
        url = ""
        for number in (1, 2):
            own = {"agent": "fixer", "agents_dir": str(tmp_path / f"agents-{number}"), "codegen_api_token": ""}
            server = running_server(github, codegen, postgresql_url, agents=config, timing=quick_timing(), **own)
            url = await stack.enter_async_context(server)
        embedded = Embedded(github, url, http, postgresql_url)
        for number in range(4):
            github.comment("alice", 2, f"/codegen run fix number {number}")
        await github.until(lambda: sum("Finished" in each.body for each in github.comments(2)) == 4)
        status, runs = await embedded.get("/v1/organizations/1/agent/runs", embedded.token())
    assert (status, [run["status"] for run in runs["items"]]) == (200, ["COMPLETE"] * 4)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (
            "repos",
            snapshot("""\
The bot knows 1 repository; this one is number 101.

| number | repository | language | visibility | set-up |
| --- | --- | --- | --- | --- |
| 101 | `octo/shop` (here) | `Python` | `private` | `NOT_STARTED` |\
"""),
        ),
        ("orgs", snapshot("The bot runs agents of its own. Their API has one organization, number 1.")),
        (
            "users",
            snapshot("""\
1 user of the API of the bot's own agents.

| number | on GitHub |
| --- | --- |
| 1 | `codegen-bot` |\
"""),
        ),
        (
            "integrations",
            snapshot("""\
1 of 1 integrations of codegen-bot (1) is active.

| integration | active |
| --- | --- |
| `github` | yes |\
"""),
        ),
        (
            "checks",
            snapshot("""\
When a check fails on a commit of a run, the run is resumed to fix it. How often, in octo/shop:

| setting | value |
| --- | --- |
| tries to fix a failed check | 3 |
| ignored checks | none |

To change them: `/codegen checks --retries 3 --ignore "nightly build"`\
"""),
        ),
    ],
)
async def test_account_commands_describe_the_own_api(embedded: Embedded, command: str, reply: str) -> None:
    await embedded.comment(f"/codegen {command}")
    assert await embedded.reply("") == reply


async def test_stopping_describes_own_agents(tmp_path: Path) -> None:
    config = agents_config(command_agent("slow", "sh", "-c", "echo I begin.; exec sleep 600"))
    async with embedded_at(tmp_path, config) as embedded:
        await embedded.comment("/codegen run fix it")
        await embedded.reply("Working")
        await embedded.comment("/codegen ban-checks")
        banned = await embedded.reply("Failed checks")
        await embedded.github.until(lambda: "was stopped" in embedded.github.comments(1)[1].body)
        await embedded.comment("/codegen unban-checks")
        unbanned = await embedded.reply("may start agents again")
    assert [each.replace(embedded.url, "SERVER") for each in (banned, unbanned)] == snapshot(
        [
            """\
Failed checks of the pull request of [run 1](SERVER/#/runs/1) start no agent any more; the agents there are stopped.

Undo: `/codegen unban-checks 1`\
""",
            """\
Failed checks of the pull request of [run 1](SERVER/#/runs/1) may start agents again. Agents that were stopped stay stopped.

To continue the run: `/codegen resume 1 <what to do>`\
""",
        ]
    )
