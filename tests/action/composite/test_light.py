"""The Action's path is light: it runs with its own lock file alone, and loads nothing that it does not use."""

from __future__ import annotations

import asyncio
import re

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from tests.action.composite.runner import ROOT, Job

HEAVY = (
    "aiohttp.web",
    "bot.demo",
    "bot.emulator",
    "bot.engine",
    "bot.store.database",
    "bot.store.tables",
    "bot.web",
    "dbos",
    "prometheus_client",
    "psycopg",
    "sqlalchemy",
)
"""What only the server and the emulators need."""

FOR_ORDERS = (
    "aiohttp",
    "bot.app",
    "bot.handlers",
    "bot.stateless",
    "cryptography",
    "gidgethub",
    "httpx",
    "jwt",
    "yaml",
)
"""What a comment without a command must not pay for."""


def loaded(log: str) -> set[str]:
    """What an interpreter that reports its imports has imported, with the packages around it."""
    names = re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s*([\w.]+)$", log, re.MULTILINE)
    return {name.rsplit(".", cut)[0] for name in names for cut in range(name.count(".") + 1)}


async def test_an_order_is_carried_out_with_little(plain_job: Job) -> None:
    """From the comment to the reply, clients and all."""
    async with CodegenEmulator(run_seconds=None, limits=False) as codegen, GitHubEmulator(limits=False) as github:
        github.comment("alice", 1, "/codegen run fix the flaky test")
        plain_job.event = ("issue_comment", github.deliveries[-1].payload)
        plain_job.environ = {
            "CODEGEN_API_BASE_URL": codegen.url,
            "GITHUB_API_URL": github.url,
            "PYTHONPROFILEIMPORTTIME": "1",
        }
        step = asyncio.create_task(plain_job.use(codegen_api_token="sk-org1-anything", codegen_org_id="1"))
        await codegen.run_created(1)
        codegen.finish(1)
        outputs = await step

    assert outputs["conclusion"] == "success", plain_job.log
    assert "bot.handlers.run" in loaded(plain_job.log)
    assert sorted(loaded(plain_job.log) & {*HEAVY}) == []


async def test_a_comment_without_a_command_is_turned_away_with_less(plain_job: Job) -> None:
    async with GitHubEmulator() as github:
        github.comment("alice", 1, "Thanks, looks good.")
        plain_job.event = ("issue_comment", github.deliveries[-1].payload)
    plain_job.environ = {"PYTHONPROFILEIMPORTTIME": "1"}

    outputs = await plain_job.use()

    assert outputs["conclusion"] == "skipped", plain_job.log
    assert "bot.action.main" in loaded(plain_job.log)
    assert sorted(loaded(plain_job.log) & {*HEAVY, *FOR_ORDERS}) == []


def pins(lock: str) -> dict[str, str]:
    """The versions that a lock file names."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", text, re.MULTILINE))


def test_the_action_has_the_servers_versions_and_fewer_packages() -> None:
    server, action = pins("requirements.lock"), pins("requirements-action.lock")
    assert action.items() < server.items()
    assert not {"dbos", "sqlalchemy", "prometheus-client", "psycopg", "rich"} & {*action}
