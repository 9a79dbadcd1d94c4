"""``codegen-bot agents``."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inline_snapshot import snapshot

from bot.cli.main import main
from tests.harness import TIMEOUT
from tests.harness.databases import migrated_sqlite
from tests.harness.terminal import Terminal

FILE = """\
agents:
  claude: {preset: claude, key: ${MODEL_KEY}}
  local: {preset: opencode, endpoint: http://localhost:11434/v1, model: qwen3-coder}
  fixer: {command: [./fix.sh]}
  broken: {command: [no-such-program]}
default: local
sandbox: none
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AGENT", "AGENTS_FILE", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "programs"
    programs.mkdir()
    for path in (programs / "opencode", tmp_path / "fix.sh"):
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MODEL_KEY=sk-secret\n")
    return tmp_path


def agents(folder: Path, *words: str) -> Result:
    result = CliRunner().invoke(main, ["agents", *words])
    result.stdout_bytes = re.sub(rb" {2,}", b"  ", result.stdout_bytes.replace(str(folder).encode(), b"FOLDER"))
    result.stderr_bytes = (result.stderr_bytes or b"").replace(str(folder).encode(), b"FOLDER")
    return result


def test_agents_list_shows_what_is_configured(folder: Path) -> None:
    (folder / "agents.yml").write_text(FILE)
    result = agents(folder, "list")
    assert result.exit_code == 0
    assert result.stdout == snapshot("""\
agent  preset  program  model  key  sandbox
claude  claude  not found  its own choice  set  none
local (default)  opencode  FOLDER/programs/opencode  qwen3-coder  none  none
fixer  (command)  FOLDER/fix.sh  -  -  none
broken  (command)  not found  -  -  none
claude: claude-agent-acp is not on the PATH of this process; install it: npm install -g @agentclientprotocol/claude-agent-acp
broken: no-such-program is not on the PATH of this process; correct its command in the agents file
""")


def test_agents_list_as_json(folder: Path) -> None:
    (folder / "agents.yml").write_text(FILE)
    document = json.loads(agents(folder, "list", "--json").stdout)
    assert [each["name"] for each in document["agents"]] == ["claude", "local", "fixer", "broken"]
    assert document["agents"][1] == snapshot(
        {
            "name": "local",
            "is_default": True,
            "preset": "opencode",
            "program": "FOLDER/programs/opencode",
            "model": "qwen3-coder",
            "key": False,
            "sandbox": "none",
        }
    )
    assert "sk-secret" not in json.dumps(document)


def test_agents_list_of_one_by_name(folder: Path) -> None:
    (folder / ".env").write_text("AGENT=claude\nANTHROPIC_API_KEY=sk-secret\n")
    result = agents(folder, "list")
    assert result.exit_code == 0
    assert "claude (default)" in result.stdout


def test_agents_list_without_agents(folder: Path) -> None:
    result = agents(folder, "list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == snapshot(
        "There are no agents: write an agents file, agents.yml (docs/agents.md), or name one in AGENT, such as AGENT=claude.\n"
    )


def test_agents_list_of_invalid_file(folder: Path) -> None:
    (folder / "agents.yml").write_text("agents:\n  a: {preset: cloude}\n  b: {preset: claude, key: ${NO_KEY}}\n")
    result = agents(folder, "list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == snapshot("""\
The agents file agents.yml is not valid; correct it:
  - Line 2: "agents.a.preset" is not a known agent. Did you mean "claude"?
  - Line 3: The variable NO_KEY is not set. Set it in the environment or in the .env file.
""")


@pytest.fixture
def servers_folder(folder: Path) -> Path:
    """The folder of a server that has been started once."""
    migrated_sqlite(folder / "codegen-bot.sqlite")
    return folder


def test_agents_token_create_prints_token(servers_folder: Path) -> None:
    result = agents(servers_folder, "token", "create", "alice")
    assert result.exit_code == 0
    assert re.fullmatch(r"cgb_[\w-]{43}\n", result.stdout)
    assert result.stderr == snapshot(
        "Stored in the database FOLDER/codegen-bot.sqlite. Only a server with this database accepts the token.\n"
    )
    database = (servers_folder / "codegen-bot.sqlite").read_bytes()
    assert result.stdout.strip().encode() not in database


@pytest.mark.parametrize("words", [("create", "alice"), ("list",), ("revoke", "alice")], ids=" ".join)
def test_agents_token_in_folder_without_database(folder: Path, words: tuple[str, ...]) -> None:
    """Its server is elsewhere, and would not know a token of a database that is made here."""
    result = agents(folder, "token", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == snapshot(
        "The database FOLDER/codegen-bot.sqlite does not exist; a server creates it at its first start. Next: run this command in the server's folder, or with the server's DATABASE_URL.\n"
    )
    assert not (folder / "codegen-bot.sqlite").exists()


def test_agents_token_create_in_named_database(folder: Path) -> None:
    """Also before the server's first start, which finds it there."""
    (folder / ".env").write_text("DATABASE_URL=sqlite:///bot.sqlite\n")

    result = agents(folder, "token", "create", "alice")
    assert (result.exit_code, result.stderr) == snapshot(
        (0, "Stored in the database FOLDER/bot.sqlite. Only a server with this database accepts the token.\n")
    )
    assert agents(folder, "token", "list").stdout.startswith("alice  ")


def test_agents_token_list_and_revoke(servers_folder: Path) -> None:
    folder = servers_folder
    assert agents(folder, "token", "list").stdout == snapshot(
        "There is no token in the database FOLDER/codegen-bot.sqlite. Next: codegen-bot agents token create LOGIN\n"
    )
    for name in ("alice", "alice", "bob"):
        agents(folder, "token", "create", name)
    listed = agents(folder, "token", "list").stdout
    assert re.sub(r"\d", "0", listed) == "".join(
        f"{name}  0000-00-00 00:00 UTC\n" for name in ("alice", "alice", "bob")
    )
    assert agents(folder, "token", "revoke", "Alice").stdout == "Revoked 2 tokens of Alice.\n"
    assert agents(folder, "token", "list").stdout.startswith("bob  ")
    result = agents(folder, "token", "revoke", "alice")
    assert (result.exit_code, result.stderr) == snapshot(
        (
            2,
            "alice has no token in the database FOLDER/codegen-bot.sqlite. Next: codegen-bot agents token list\n",
        )
    )


def test_agents_token_create_refuses_what_is_no_login(servers_folder: Path) -> None:
    result = agents(servers_folder, "token", "create", "a b")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == snapshot("'a b' is not a GitHub login. Next: name the account that the token is for.\n")


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_agents_process_without_github_account(folder: Path, command: str) -> None:
    (folder / ".env").write_text("AGENT=claude\nANTHROPIC_API_KEY=sk-secret\n")
    result = agents(folder, command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY, is missing." in result.stderr
    assert "GITHUB_WEBHOOK_SECRET" not in result.stderr


@pytest.mark.parametrize(("command", "event"), [("serve", "agents.listening"), ("worker", "worker.started")])
async def test_agents_process_ends_on_sigterm(terminal: Terminal, command: str, event: str) -> None:
    (terminal.folder / "agents.yml").write_text("agents: {fixer: {command: ['true']}}\nsandbox: none\n")
    process = await terminal.start("agents", command, without="CODEGEN_API_TOKEN", PORT="0")
    assert process.stderr is not None
    async with asyncio.timeout(TIMEOUT):
        while event not in (line := (await process.stderr.readline()).decode()):
            assert line, "it ended early"
        process.terminate()
        _, stderr = await process.communicate()
    assert (process.returncode, b"Traceback" in stderr) == (0, False)


async def test_worker_names_agents_that_are_not_installed(terminal: Terminal) -> None:
    """It starts all the same: others may be there."""
    words = "agents: {fixer: {command: ['true']}, absent: {command: [no-such-program]}}\nsandbox: none\n"
    (terminal.folder / "agents.yml").write_text(words)
    process = await terminal.start("agents", "worker", without="CODEGEN_API_TOKEN")
    assert process.stderr is not None
    lines = []
    async with asyncio.timeout(TIMEOUT):
        while "worker.started" not in (line := (await process.stderr.readline()).decode()):
            assert line, "it ended early"
            lines.append(line)
        process.terminate()
        await process.communicate()
    [found] = [line for line in lines if "agent.not_installed" in line]
    assert "agent=absent" in found
    assert "program=no-such-program" in found
