"""The command line, as somebody types it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from bot import __version__
from bot.cli.main import main
from bot.emulator.github import GitHubEmulator
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


def test_help_shows_the_demo_first() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    assert '"codegen-bot demo" needs no account' in result.stdout
    assert result.stdout.index("Comment commands:") < result.stdout.index("Running and testing the bot:")


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"codegen-bot, version {__version__}\n"


@pytest.mark.parametrize("name", ["codegen", "github"])
def test_what_drives_an_emulator_stands_in_its_help(name: str) -> None:
    result = CliRunner().invoke(main, ["emulate", name, "--help"])

    assert result.exit_code == 0
    for words in ("POST   faults", "GET    requests", "POST   reset"):
        assert words in result.stdout


def test_serve_without_settings_names_them_all_and_shows_a_way_out(tmp_path: Path) -> None:
    status, printed, told = run("serve", folder=tmp_path)

    assert (status, printed) == (2, "")
    for variable in ("CODEGEN_API_TOKEN", "CODEGEN_ORG_ID", "GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET"):
        assert variable in told
    assert "Where to get it" in told
    assert "codegen-bot demo" in told
    assert "Traceback" not in told


SETTINGS = {
    "CODEGEN_API_TOKEN": "sk-org1-cli",
    "CODEGEN_ORG_ID": "1",
    "GITHUB_TOKEN": "bot-token",
    "GITHUB_WEBHOOK_SECRET": "s",
    "PORT": "0",
}


def test_serve_says_which_database_cannot_be_opened(tmp_path: Path) -> None:
    environ = SETTINGS | {"DATABASE_URL": "sqlite:///missing/bot.sqlite"}

    status, _, told = run("serve", environ=environ, folder=tmp_path)

    assert status == 2
    assert told == (
        "DATABASE_URL names the file missing/bot.sqlite, which cannot be written: No such file or directory.\n"
    )


@contextmanager
def running(*words: str, environ: dict[str, str] | None = None, folder: Path, says: str) -> Iterator[str]:
    """A process that stays; ends it as a supervisor does. Yields what it said about its address."""
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
            if re.search(says, line):
                break
        yield line
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=20)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def test_serve_serves_until_it_is_terminated(tmp_path: Path) -> None:
    with running("serve", environ=SETTINGS, folder=tmp_path, says="server.listening") as line:
        found = re.search(r"port=(\d+)", line)
        assert found is not None
        assert httpx.get(f"http://127.0.0.1:{found[1]}/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("name", "path", "token"), [("codegen", "/v1/users/me", "sk-x"), ("github", "/user", "as-alice")]
)
def test_an_emulator_answers_on_its_port_until_it_is_terminated(
    name: str, path: str, token: str, tmp_path: Path
) -> None:
    with running("emulate", name, "--port", "0", folder=tmp_path, says="Listening on") as line:
        url = line.split()[2].rstrip(";")
        answer = httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200


def test_a_taken_port_is_reported_by_its_flag(tmp_path: Path) -> None:
    with running("emulate", "codegen", "--port", "0", folder=tmp_path, says="Listening on") as line:
        port = line.split()[2].rstrip(";").rpartition(":")[2]
        status, _, told = run("emulate", "github", "--port", port)
        assert (status, told) == (2, f"--port: {port} cannot be used: address already in use.\n")


async def test_labels_sync_makes_the_labels_that_are_missing(tmp_path: Path) -> None:
    async with GitHubEmulator() as github:
        github.world.files["main", ".github/codegen-bot.yml"] = "labels: {run: robot}"
        environ = SETTINGS | {"GITHUB_API_URL": github.url}

        for _ in range(2):
            status, printed, told = await asyncio.to_thread(
                run, "labels", "sync", "octo/shop", environ=environ, folder=tmp_path
            )
            assert (status, told) == (0, "")
            assert printed.startswith("octo/shop has robot, codegen:multi-run, ")
        assert github.world.labels["codegen:starred"].color == "fbca04"

        status, printed, told = await asyncio.to_thread(
            run, "labels", "sync", "octo/other", environ=environ, folder=tmp_path
        )
        assert (status, printed) == (1, "")
        # The labels' names stand in the repository's config file, which is asked for first.
        assert told.endswith("\nGitHub file failed, not-found (404): Not Found\n")


def test_labels_sync_wants_a_repositorys_full_name() -> None:
    result = CliRunner().invoke(main, ["labels", "sync", "shop"])

    assert result.exit_code == 2
    assert "shop is not of the form OWNER/NAME." in result.stderr
