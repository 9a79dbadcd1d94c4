"""The built wheel in a fresh virtual environment, far from this repository: what is missing in it, is missing for all."""

from __future__ import annotations

import asyncio
import email
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import __version__
from bot.execution.outcome import ExitStatus
from tests.chaos.user_actions import first_day
from tests.chaos.worlds import both_worlds, settled
from tests.harness import TIMEOUT
from tests.harness.server import SECRET

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Installed:
    """The wheel, and the program that it brought."""

    wheel: Path
    program: Path

    def run(self, folder: Path, *words: str, **environ: str) -> tuple[int, str, str]:
        done = subprocess.run(  # noqa: S603 - our own words
            [self.program, *words],
            cwd=folder,
            env=_clean(environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing by which the repository could be found."""
    return {"PATH": "/usr/bin:/bin", **environ}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    [wheel] = folder.glob("*.whl")
    home = folder / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    # uv needs half a second of processor time where pip needs fifteen.
    uv = (Path(sys.executable).with_name("uv"), "pip")
    into = ("--python", home / "bin" / "python")
    _run(*uv, "install", *into, "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements.lock")
    _run(*uv, "install", *into, "--no-index", "--no-deps", wheel)
    # By the wheel's own word of what it needs.
    _run(*uv, "check", *into)
    return Installed(wheel, home / "bin" / "codegen-bot")


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_holds_the_bot_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
    about = f"codegen_bot-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"bot", about}
    here = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bot").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("bot/")} == here
    assert f"{about}/licenses/LICENSE" in names


def test_it_says_what_it_is(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        about = email.message_from_bytes(wheel.read(f"codegen_bot-{__version__}.dist-info/METADATA"))
    assert (about["Name"], about["Version"], about["License-Expression"]) == ("codegen-bot", __version__, "MIT")
    assert about["Requires-Python"] == ">=3.11"
    needs = about.get_all("Requires-Dist") or []
    assert [each for each in needs if re.search(r"^psycopg\[binary\].*extra == 'postgresql'", each)]
    assert str(about.get_payload()).startswith("# codegen-bot")


def test_it_says_its_version(installed: Installed, tmp_path: Path) -> None:
    assert installed.run(tmp_path, "--version") == (0, f"codegen-bot, version {__version__}\n", "")


def test_demo_plays(installed: Installed, tmp_path: Path) -> None:
    status, said, told = installed.run(tmp_path, "demo", "--once", "--api-port", "0")

    assert status == 0, told
    assert "/codegen run" in said


def test_serve_names_the_settings_that_are_missing(installed: Installed, tmp_path: Path) -> None:
    status, said, told = installed.run(tmp_path, "serve")

    assert (status, said) == (ExitStatus.USAGE, "")
    for variable in ("CODEGEN_API_TOKEN", "CODEGEN_ORG_ID", "GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET"):
        assert f"{variable}" in told


async def test_serve_answers_a_command(installed: Installed, tmp_path: Path) -> None:
    async with both_worlds() as worlds:
        process = await asyncio.create_subprocess_exec(
            *(installed.program, "serve"),
            cwd=tmp_path,
            env=_clean(
                {
                    "CODEGEN_API_TOKEN": "sk-org1-wheel",
                    "CODEGEN_ORG_ID": "1",
                    "CODEGEN_API_BASE_URL": worlds.codegen.url,
                    "GITHUB_TOKEN": "bot-token",
                    "GITHUB_API_URL": worlds.github.url,
                    "GITHUB_WEBHOOK_SECRET": SECRET,
                    "PORT": "0",
                }
            ),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(TIMEOUT):
                while not (found := re.search(rb"server\.listening.*port=(\d+)", await process.stderr.readuntil())):
                    pass
            worlds.github.webhooks.url = f"http://127.0.0.1:{found[1].decode()}/webhooks/github"
            worlds.perform(next(first_day()))
            await settled(worlds, seconds=60)
            process.terminate()
            said = (await process.communicate())[1].decode()
            assert process.returncode == 0, said
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
