"""What uses too much ends in a limit, while another sandbox goes on working. All of it is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.agents.sandbox import Limits, Sandbox
from tests.agents.sandbox.conftest import MakeSpec, output_of, python

MEBIBYTE = 1024**2


@asynccontextmanager
async def neighbour(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> AsyncIterator[None]:
    """Another run, which answers before and afterwards."""
    process = await sandbox.start(["cat"], make_spec("neighbour"), stderr=tmp_path / "neighbour.log")
    process.stdin.write(b"before\n")
    assert await process.stdout.readline() == b"before\n"
    yield
    process.stdin.write(b"afterwards\n")
    assert await process.stdout.readline() == b"afterwards\n"
    process.stdin.close()
    assert await process.wait() == 0


MEMORY = """
import time
held = []
for number in range(80):
    held.append(b"x" * (10 * 1024 * 1024))
    time.sleep(0.005)
time.sleep(60)
"""

TWO_WITH_HALF = """
import os, time
os.fork()
held = b"x" * (150 * 1024 * 1024)
time.sleep(60)
"""

NAMELESS_IN_MEMORY = """
import os, time
held = os.memfd_create("held")
for number in range(40):
    os.write(held, os.urandom(10 * 1024 * 1024))
time.sleep(60)
"""

SHARED = """
import os, time
held = b"x" * (120 * 1024 * 1024)
os.fork()
time.sleep(1.5)
print("kept", flush=True)
"""


@pytest.mark.parametrize(
    "program", [MEMORY, TWO_WITH_HALF, NAMELESS_IN_MEMORY], ids=["one process", "two processes", "nameless file"]
)
async def test_memory_hog_is_ended(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path, program: str) -> None:
    spec = make_spec(limits=Limits(memory=256 * MEBIBYTE))
    async with neighbour(sandbox, make_spec, tmp_path):
        _, process = await output_of(sandbox, spec, python(program))

    assert process.exceeded == (
        "The agent and its commands used more than 0.25 GiB of memory. Have it run fewer or smaller things at a time."
    )
    assert await process.wait() == -9


async def test_memory_that_processes_share_counts_once(sandbox: Sandbox, make_spec: MakeSpec) -> None:
    output, process = await output_of(sandbox, make_spec(limits=Limits(memory=220 * MEBIBYTE)), python(SHARED))

    assert process.exceeded is None
    assert output == "kept\nkept\n"


FORKS = """
import os, time
made = 0
for number in range(400):
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
    except BlockingIOError:
        print(made, flush=True)
        os._exit(0)
print(made, flush=True)
time.sleep(60)
"""


async def test_fork_bomb_is_ended(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(limits=Limits(processes=60))
    async with neighbour(sandbox, make_spec, tmp_path):
        output, process = await output_of(sandbox, spec, python(FORKS))

    # The kernel refuses them to a plain user; to the superuser it does not, so the bot ends the turn.
    if process.exceeded is None:
        assert int(output) < 60
    else:
        assert process.exceeded.endswith("60 are allowed. Have it run fewer things at a time.")
        assert await process.wait() == -9


DISK = """
import os, time
for number in range(40):
    with open(f"file-{number}", "wb") as file:
        file.write(os.urandom(2 * 1024 * 1024))
time.sleep(60)
"""


UNREADABLE = f"""
import os
os.mkdir("hidden", 0o300)
os.chdir("hidden")
{DISK}
"""

NAMELESS = """
import os, time
held = []
for number in range(40):
    held.append(open("file", "wb"))
    held[-1].write(os.urandom(2 * 1024 * 1024))
    held[-1].flush()
    os.unlink("file")
time.sleep(60)
"""


@pytest.mark.parametrize("program", [DISK, UNREADABLE, NAMELESS], ids=["files", "unreadable", "nameless"])
async def test_disk_filler_is_ended(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path, program: str) -> None:
    spec = make_spec(limits=Limits(disk=20 * MEBIBYTE))
    async with neighbour(sandbox, make_spec, tmp_path):
        _, process = await output_of(sandbox, spec, python(program))

    assert process.exceeded == (
        "The agent wrote more than 0.0195 GiB to disk. Have it remove what it needs no more, and build less at a time."
    )


async def test_large_file_is_refused(bubblewrap: Sandbox, make_spec: MakeSpec) -> None:
    spec = make_spec(limits=Limits(file_size=MEBIBYTE))
    _, process = await output_of(bubblewrap, spec, ["head", "-c", "3000000", "/dev/zero"])
    assert await process.wait() == 0
    command = ["sh", "-c", "head -c 3000000 /dev/zero > file; echo $?"]
    output, _ = await output_of(bubblewrap, spec, command)

    assert output != "0\n"
    assert (spec.worktree / "file").stat().st_size <= MEBIBYTE


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])  # noqa: S108 - the sandbox's own
async def test_files_in_memory_are_bounded(bubblewrap: Sandbox, make_spec: MakeSpec, folder: str) -> None:
    spec = make_spec(limits=Limits(tmp=MEBIBYTE))
    command = ["sh", "-c", f"head -c 3000000 /dev/zero > {folder}/file; stat -c %s {folder}/file"]
    output, _ = await output_of(bubblewrap, spec, command)

    assert int(output) <= MEBIBYTE


async def test_limits_of_processes_inside(bubblewrap: Sandbox, make_spec: MakeSpec) -> None:
    command = ["sh", "-c", "ulimit -n; ulimit -c; nice; cat /proc/self/oom_score_adj"]
    output, _ = await output_of(bubblewrap, make_spec(limits=Limits(open_files=500, niceness=7)), command)

    assert output.split()[:2] == ["500", "0"]
    assert int(output.split()[2]) >= 7
    assert output.split()[3] == "1000"


async def test_busy_program_leaves_the_bot_responsive(sandbox: Sandbox, make_spec: MakeSpec, tmp_path: Path) -> None:
    """A program that prints without end waits until it is read."""
    process = await sandbox.start(["yes"], make_spec(), stderr=tmp_path / "stderr")
    assert await process.stdout.readline() == b"y\n"

    async with asyncio.timeout(30):
        await process.kill()
