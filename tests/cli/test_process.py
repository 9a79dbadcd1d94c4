"""The subcommands that run a process: start, signals, exit status."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from bot.cli.main import main
from bot.emulators.github import GitHubEmulator
from tests.harness import TIMEOUT
from tests.harness.forks import python_m


def run(*words: str, environ: dict[str, str] | None = None, folder: Path | None = None) -> tuple[int, str, str]:
    """In a process of its own, without the environment's settings."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent.parent), **(environ or {})}
    done = subprocess.run(  # noqa: S603 - our own words
        python_m("bot", *words, environ=given),
        env=given,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_help_mentions_the_demo() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    assert '"codegen-bot demo" needs no account' in result.stdout
    assert result.stdout.index("Comment commands:") < result.stdout.index("Running and testing the bot:")


@pytest.mark.parametrize("name", ["codegen", "github"])
def test_emulate_help_lists_control_endpoints(name: str) -> None:
    result = CliRunner().invoke(main, ["emulate", name, "--help"])

    assert result.exit_code == 0
    for words in ("POST   faults", "GET    requests", "POST   reset"):
        assert words in result.stdout


def test_serve_without_settings_names_them(tmp_path: Path) -> None:
    status, stdout, stderr = run("serve", folder=tmp_path)

    assert (status, stdout) == (2, "")
    for variable in ("CODEGEN_API_TOKEN", "CODEGEN_ORG_ID", "GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET"):
        assert variable in stderr
    assert "Where to get it" in stderr
    assert "codegen-bot demo" in stderr
    assert "Traceback" not in stderr


SETTINGS = {
    "CODEGEN_API_TOKEN": "sk-org1-cli",
    "CODEGEN_ORG_ID": "1",
    "GITHUB_TOKEN": "bot-token",
    "GITHUB_WEBHOOK_SECRET": "s",
    "PORT": "0",
}


def test_serve_with_unusable_database(tmp_path: Path) -> None:
    environ = SETTINGS | {"DATABASE_URL": "sqlite:///missing/bot.sqlite"}

    status, _, stderr = run("serve", environ=environ, folder=tmp_path)

    assert status == 2
    assert stderr == (
        "DATABASE_URL names the file missing/bot.sqlite, which cannot be written: No such file or directory.\n"
    )


@contextmanager
def running(*words: str, environ: dict[str, str] | None = None, folder: Path, prints: str) -> Iterator[str]:
    """Starts a process and terminates it as a supervisor does; yields the line with its address."""
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "bot", *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent.parent), **(environ or {})},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = ""
        for line in process.stdout:
            if re.search(prints, line):
                break
        yield line
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=TIMEOUT)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def test_serve_runs_until_terminated(tmp_path: Path) -> None:
    """Its accounts cannot be checked here: no service answers. That does not make it unready."""
    nowhere = {"GITHUB_API_URL": "http://127.0.0.1:1", "CODEGEN_API_BASE_URL": "http://127.0.0.1:1"}
    with running("serve", environ=SETTINGS | nowhere, folder=tmp_path, prints="server.started") as line:
        found = re.search(r"http://127.0.0.1:(\d+)/", line)
        assert found is not None
        # Said to be refused, unless a busy machine takes longer for it than the server waits.
        assert re.search("not checked: (connection refused|no response in time)", line)
        assert httpx.get(f"http://127.0.0.1:{found[1]}/readyz").json() == {"status": "ready"}


def test_serve_takes_address_and_settings_from_options(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
    words = ("serve", "--env-file", "app.env", "--host", "127.0.0.2", "--port", "0")
    with running(*words, environ={"HOST": "nowhere.invalid"}, folder=tmp_path, prints="server.listening") as line:
        found = re.search(r"port=(\d+)", line)
        assert found is not None
        assert httpx.get(f"http://127.0.0.2:{found[1]}/healthz").status_code == 200


def test_serve_without_its_env_file(tmp_path: Path) -> None:
    status, _, stderr = run("serve", "--env-file", "app.env", environ=SETTINGS, folder=tmp_path)
    assert (status, stderr) == (2, "--env-file: there is no file app.env.\n")


@pytest.mark.parametrize("as_option", [True, False])
def test_serve_on_taken_port_starts_nothing(tmp_path: Path, *, as_option: bool) -> None:
    """And names the port as it was given."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words, environ = (["--port", port], SETTINGS) if as_option else ([], {**SETTINGS, "PORT": port})
        status, _, stderr = run("serve", *words, environ=environ, folder=tmp_path)
    named = "--port" if as_option else "HOST and PORT"
    assert (status, stderr) == (2, f"{named}: 127.0.0.1:{port} cannot be used: address already in use.\n")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("name", "path", "token"), [("codegen", "/v1/users/me", "sk-x"), ("github", "/user", "as-alice")]
)
def test_emulate_runs_until_terminated(name: str, path: str, token: str, tmp_path: Path) -> None:
    with running("emulate", name, "--port", "0", folder=tmp_path, prints="Listening on") as line:
        url = line.split()[2].rstrip(";")
        answer = httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200


def test_emulate_on_taken_port(tmp_path: Path) -> None:
    with running("emulate", "codegen", "--port", "0", folder=tmp_path, prints="Listening on") as line:
        port = line.split()[2].rstrip(";").rpartition(":")[2]
        status, _, stderr = run("emulate", "github", "--port", port)
        assert (status, stderr) == (2, f"--port: {port} cannot be used: address already in use.\n")


async def test_labels_sync_creates_missing_labels(tmp_path: Path) -> None:
    async with GitHubEmulator() as github:
        github.world.files["main", ".github/codegen-bot.yml"] = "labels: {run: robot}"
        environ = SETTINGS | {"GITHUB_API_URL": github.url}

        for _ in range(2):
            status, stdout, stderr = await asyncio.to_thread(
                run, "labels", "sync", "octo/shop", environ=environ, folder=tmp_path
            )
            assert (status, stderr) == (0, "")
            assert stdout.startswith("octo/shop has robot, codegen:multi-run, ")
        assert github.world.labels["codegen:starred"].color == "fbca04"

        status, stdout, stderr = await asyncio.to_thread(
            run, "labels", "sync", "octo/other", environ=environ, folder=tmp_path
        )
        assert (status, stdout) == (1, "")
        # The labels' names stand in the repository's config file, which is asked for first.
        assert stderr == "octo/other: GitHub did not find it (404): Not Found.\n"


def test_labels_sync_refuses_invalid_repository() -> None:
    result = CliRunner().invoke(main, ["labels", "sync", "shop"])

    assert result.exit_code == 2
    assert "'shop' is not of the form OWNER/NAME." in result.stderr
