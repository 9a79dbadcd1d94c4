"""The Action's path is light: it runs with its own lock file alone, and loads nothing that it does not use."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.action.composite.runner import ROOT, Job
from tests.harness.looks import comment

HEAVY = (
    "aiohttp",
    "bot.cli.demo",
    "bot.emulators",
    "bot.engine",
    "bot.storage.database",
    "bot.storage.tables",
    "bot.web",
    "cryptography",
    "dbos",
    "dotenv",
    "prometheus_client",
    "psycopg",
    "sqlalchemy",
)
"""Packages that only the server, the command line and the emulators need."""

FOR_ORDERS = (
    "bot.app",
    "bot.execution.dispatch",
    "bot.execution.invocation",
    "bot.execution.on_github",
    "cryptography",
    "gidgethub",
    "httpx",
    "jwt",
    "yaml",
)
"""Modules that a comment without a command must not import."""


def loaded(log: str) -> set[str]:
    """The modules that an interpreter reports as imported, and their packages."""
    names = re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s*([\w.]+)$", log, re.MULTILINE)
    return {name.rsplit(".", cut)[0] for name in names for cut in range(name.count(".") + 1)}


async def test_command_imports_little(plain_job: Job) -> None:
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
    assert "bot.commands.run" in loaded(plain_job.log)
    assert sorted(loaded(plain_job.log) & {*HEAVY}) == []


SLOW_OF_STANDARD_LIBRARY = ("asyncio", "pathlib", "ssl", "subprocess", "urllib.request")
"""What the first look does not import: each takes as long as all the rest."""


def without_command(tmp_path: Path, *command: str | Path) -> set[str]:
    """The modules that a process imports for a comment without a command."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps(comment("Thanks, looks good.")))
    environ = {
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (0, "No command here (issue_comment created).\n"), done
    assert "no-command" in (tmp_path / "output").read_text()
    return loaded(done.stderr)


def test_first_look_imports_little(tmp_path: Path) -> None:
    script = ROOT / "bot" / "action" / "start.py"
    modules = without_command(tmp_path, sys.executable, "-X", "importtime", "-I", "-S", script)
    assert "json" in modules
    assert {name for name in modules if name.startswith("bot")} == {
        *("bot", "bot.action", "bot.action.look", "bot.text", "bot.text.unseen")
    }
    assert sorted(modules & {*SLOW_OF_STANDARD_LIBRARY}) == []


def test_bot_without_command_imports_less(tmp_path: Path, tool_cache: Path) -> None:
    """Where the first look leaves an event to it."""
    [python] = tool_cache.glob("codegen-bot/*/bin/python")
    modules = without_command(tmp_path, python, "-X", "importtime", "-P", "-s", "-m", "bot.action")
    assert "bot.action.main" in modules
    assert sorted(modules & {*HEAVY, *FOR_ORDERS}) == []


def pins(lock: str) -> dict[str, str]:
    """The versions that a lock file names."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", text, re.MULTILINE))


def test_action_lock_is_a_part_of_the_servers() -> None:
    server, action = pins("requirements.lock"), pins("requirements-action.lock")
    assert action.items() < server.items()
    assert not {"aiohttp", "click", "cryptography", "dbos", "sqlalchemy", "prometheus-client", "psycopg", "rich"} & {
        *action
    }
