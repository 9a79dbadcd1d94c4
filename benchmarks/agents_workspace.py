"""A workspace of a large repository beside a fresh clone of it: how long an agent waits, and what both take on disk.

The repository is generated: 50,000 files, 200 MB. The emulated GitHub serves it over HTTP on the loopback. Each round
opens the workspaces of two new runs, whose mirror is warm, with and without a spare checkout, and makes a fresh
``git clone --depth 1``.

    make bench
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.large_repository import COMMITS, FILE_SIZE, FILES, clone, generate
from bot import log
from bot.agents.workspace.model import WorkspaceRequest
from bot.agents.workspace.workspaces import Workspaces
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import REPOSITORY
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.session import new_session

ROUNDS = 3
WORKSPACES = 10


def main() -> None:
    log.configure(level="WARNING")
    with tempfile.TemporaryDirectory(prefix="workspaces-") as folder:
        asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> None:
    source = folder / "source.git"
    await generate(source)
    async with GitHubEmulator(limits=False) as emulator, new_session() as session:
        emulator.git.imported[REPOSITORY] = source
        await emulator.git.sync()
        github = GitHub(session, TokenAuth("bot-token"), base_url=emulator.url)
        workspaces = Workspaces(root=folder / "agents", github=github)
        cold = await _open(workspaces, 1)
        spare, bare, clones = list[float](), list[float](), list[float]()
        run_ids = iter(range(2, WORKSPACES + 1))
        for round_number in range(ROUNDS):
            await workspaces.spares.make(await workspaces.spares.wanted.next())
            spare.append(await _open(workspaces, next(run_ids)))
            bare.append(await _open(workspaces, next(run_ids)))
            clones.append(await _clone(f"{emulator.url}/{REPOSITORY}.git", folder / f"clone-{round_number}"))
        for run_id in run_ids:
            await _open(workspaces, run_id)
        resumed = [await _open(workspaces, 2) for _ in range(ROUNDS)]
    print(f"{FILES:,} files, {FILES * FILE_SIZE / 1e6:.0f} MB, {COMMITS + 1} commits")
    print(f"first workspace, no mirror yet     {cold:.2f} s")
    print(f"new workspace, spare checkout      {_shown(spare)}")
    print(f"new workspace, no spare checkout   {_shown(bare)}")
    print(f"next turn in the same workspace    {_shown(resumed)}")
    print(f"git clone --depth 1                {_shown(clones)}")
    print(f"spare/clone                        {_ratio(spare, clones):.2f}")
    print(f"no spare/clone                     {_ratio(bare, clones):.2f}")
    places = ("mirrors/*/*.git/objects", "runs/*/git/objects", "runs/*/worktree/.git/objects")
    shared = sum(_bytes(place) for pattern in places for place in (folder / "agents").glob(pattern))
    cloned = _bytes(folder / "clone-0/.git/objects") * WORKSPACES
    print(f"objects of {WORKSPACES} workspaces           {shared / 1e6:.0f} MB")
    print(f"objects of {WORKSPACES} clones               {cloned / 1e6:.0f} MB")
    print(f"workspaces/clones                  {shared / cloned:.3f}")


def _ratio(times: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(times) / statistics.median(others)


async def _open(workspaces: Workspaces, run_id: int) -> float:
    began = time.perf_counter()
    await workspaces.open(WorkspaceRequest(run_id=run_id, repository=REPOSITORY))
    return time.perf_counter() - began


async def _clone(url: str, folder: Path) -> float:
    began = time.perf_counter()
    await clone(url, folder, token="bot-token")  # noqa: S106 - the emulated one
    return time.perf_counter() - began


def _bytes(objects: Path) -> int:
    return sum(each.stat().st_blocks * 512 for each in objects.rglob("*") if each.is_file())


def _shown(times: Sequence[float]) -> str:
    return f"median {statistics.median(times):.2f} s   fastest {min(times):.2f} s   slowest {max(times):.2f} s"


if __name__ == "__main__":
    main()
