"""The image, built by its Dockerfile's own steps and run as an unprivileged user on a file system that takes no writes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import distributions
from pathlib import Path

import pytest

from bot import __version__
from bot.cli.main import SUBCOMMANDS
from bot.execution.outcome import ExitStatus
from tests.chaos.user_actions import first_day
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.deploy.box import Container, Image, build, cannot_build, first_process, kill
from tests.deploy.dockerfile import ROOT, parse
from tests.harness import TIMEOUT
from tests.harness.ports import reserved_port
from tests.harness.server import SECRET

WHY_NOT = cannot_build()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """In memory where there is room: tens of thousands of files are written and removed."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    with tempfile.TemporaryDirectory(dir=memory if has_room else None) as folder:
        yield build(parse((ROOT / "Dockerfile").read_text(encoding="utf-8")), Path(folder))


@pytest.fixture
def container(image: Image, tmp_path: Path) -> Container:
    return Container(image, tmp_path, volume=tmp_path / "volume")


@asynccontextmanager
async def serving(image: Image, folder: Path, worlds: Worlds, said: list[str]) -> AsyncIterator[tuple[Container, int]]:
    """A container that serves; on SIGTERM at the end it must exit with status 0.

    :returns: it, and its first process' number outside
    """
    reserved = reserved_port()
    port = reserved.getsockname()[1]
    environ = {
        "CODEGEN_API_TOKEN": "sk-org1-image",
        "CODEGEN_ORG_ID": "1",
        "CODEGEN_API_BASE_URL": worlds.codegen.url,
        "GITHUB_TOKEN": "bot-token",
        "GITHUB_API_URL": worlds.github.url,
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "PORT": str(port),
    }
    container = Container(image, folder, volume=folder / "volume", environ=environ)
    process = await container.start()
    assert process.stdout is not None
    try:
        async with asyncio.timeout(TIMEOUT):
            async for line in process.stdout:
                said.append(line.decode())
                if '"server.listening"' in said[-1]:
                    break
            else:
                pytest.fail("".join(said))
        number = first_process(process)
        worlds.github.webhooks.url = f"http://127.0.0.1:{port}/webhooks/github"
        yield container, number
        os.kill(number, signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT):
            said.append((await process.stdout.read()).decode())
            assert await process.wait() == 0, said
    finally:
        if process.returncode is None:
            kill(process)
        reserved.close()


def status_of(process: int) -> str:
    return Path(f"/proc/{process}/status").read_text(encoding="ascii")


async def test_image_runs_unprivileged_and_writes_only_its_volume(image: Image, tmp_path: Path) -> None:
    """A command is answered, the health check is content, SIGTERM to process 1 ends it with 0, and the next container on
    the same volume knows what the first one did."""
    said: list[str] = []
    first, second, *_ = first_day()
    async with both_worlds() as worlds:
        async with serving(image, tmp_path, worlds, said) as (container, number):
            process = status_of(number)
            assert re.findall(r"^(?:Uid|Gid):\t(\d+)", process, re.MULTILINE) == ["10001", "10001"]
            assert re.search(r"^CapBnd:\t0+$", process, re.MULTILINE)
            assert re.search(r"^NSpid:\t\d+\t1$", process, re.MULTILINE)
            worlds.perform(first)
            await settled(worlds, seconds=TIMEOUT)
            assert await container.execute(image.config.healthcheck, beside=number) == (0, "")
            status, _ = await container.execute(image.config.healthcheck, beside=number, PORT="9")
            assert status == 1
            status, _ = await container.execute(["touch", "/opt/codegen-bot/there"], beside=number)
            assert status == 1
        assert (tmp_path / "volume" / "codegen-bot.sqlite").stat().st_uid == 10001

        async with serving(image, tmp_path, worlds, said):
            worlds.perform(second)
            await settled(worlds, seconds=TIMEOUT)
    assert worlds.problems() == []
    lines = [json.loads(line) for line in "".join(said).splitlines()]
    assert [line for line in lines if line["level"] == "error"] == []


async def test_without_settings_it_names_them(container: Container) -> None:
    status, said = await container.run()

    assert status == ExitStatus.USAGE
    assert "CODEGEN_API_TOKEN is missing" in said
    assert "GITHUB_WEBHOOK_SECRET is missing" in said


async def test_every_subcommand_is_there(container: Container) -> None:
    assert await container.run("--version") == (0, f"codegen-bot, version {__version__}\n")
    status, said = await container.run("--help")
    assert status == 0
    assert set(re.findall(r"^  ([a-z-]+)  ", said, re.MULTILINE)) >= {*SUBCOMMANDS}


async def test_whole_demo_plays_in_it(container: Container) -> None:
    status, said = await container.run("demo", "--once", "--api-port", "0")

    assert status == 0, said
    assert "/codegen" in said


async def test_action_runs_in_it(image: Image, tmp_path: Path) -> None:
    """A job's container: the event and the outputs are files of the runner's, which the image's user may write."""
    volume = tmp_path / "volume"
    container = Container(
        image,
        tmp_path,
        volume=volume,
        environ={
            "GITHUB_EVENT_NAME": "issue_comment",
            "GITHUB_EVENT_PATH": "/data/event.json",
            "GITHUB_OUTPUT": "/data/output",
            "GITHUB_REPOSITORY": "octo/shop",
            "INPUT_COMMAND": "auto",
        },
    )
    async with both_worlds() as worlds:
        worlds.github.comment("alice", 1, "What a nice change!")
        (volume / "event.json").write_text(json.dumps(worlds.github.deliveries[-1].payload), encoding="utf-8")

    status, said = await container.run("action")

    assert status == 0, said
    assert "no-command" in (volume / "output").read_text(encoding="utf-8")


def test_it_holds_what_is_locked_and_nothing_else(image: Image) -> None:
    """No pip, no build tools, no tests; and every file belongs to root."""
    [packages] = (image.layer / "opt" / "codegen-bot" / "lib").glob("python3.*/site-packages")
    locked = set(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    there = {_name(each.metadata["Name"]) for each in distributions(path=[str(packages)])}

    assert there - {_name(name) for name in locked} == {"codegen-bot"}
    assert {"dbos", "psycopg", "aiohttp"} <= there
    written = {path.name for path in image.layer.iterdir()}
    # What Debian's package of git writes: here it is installed already.
    system = {"etc", "usr", "var"}
    assert written <= {"opt", "data", "root", "tmp", *system}, (
        "the last stage holds more than the environment and the volume"
    )
    assert {path.lstat().st_uid for path in (image.layer / "opt").rglob("*")} == {0}


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
