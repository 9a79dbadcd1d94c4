"""Deletes workspaces, spares and mirrors that are not used any more."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from bot import log
from bot.agents.workspace.folders import DELETED, delete
from bot.agents.workspace.locks import locked
from bot.agents.workspace.mirrors import is_fetched_since, pack
from bot.agents.workspace.workspaces import Workspaces
from bot.storage.queries import run_in_thread

_log = log.get(__name__)


async def sweep(workspaces: Workspaces, *, older_than: float, keep: Collection[int] = ()) -> list[int]:
    """Deletes the workspaces, spares and mirrors that were not used for some time, and packs the other mirrors.

    :param older_than: seconds
    :param keep: the runs that are being worked on
    :returns: the runs whose workspaces are gone
    """
    unused = await run_in_thread(lambda: _unused(workspaces, older_than, keep))
    removed = [run for run in unused if await workspaces.remove(run)]
    for mirror in await run_in_thread(workspaces.mirrors.all):
        async with locked(mirror):
            await _sweep_mirror(workspaces, mirror, older_than)
    return removed


async def _sweep_mirror(workspaces: Workspaces, mirror: Path, older_than: float) -> None:
    if await run_in_thread(lambda: _is_used(workspaces, mirror, older_than)):
        await pack(mirror)
    else:
        _log.info("mirror.removed", mirror=f"{mirror.parent.name}/{mirror.stem}")
        await run_in_thread(lambda: _delete_mirror(workspaces, mirror))


def _unused(workspaces: Workspaces, older_than: float, keep: Collection[int]) -> list[int]:
    found = []
    for folder in (workspaces.root / "runs").glob("*"):
        if folder.name.startswith(DELETED):
            delete(folder)
        elif folder.name.isdecimal() and int(folder.name) not in keep:
            used = folder / "workspace.json"
            when = (used if used.exists() else folder).stat().st_mtime
            if when < workspaces.now() - older_than:
                found.append(int(folder.name))
    return sorted(found)


def _is_used(workspaces: Workspaces, mirror: Path, older_than: float) -> bool:
    """Whether the mirror was fetched lately, or has the objects of a run."""
    if is_fetched_since(mirror, workspaces.now() - older_than):
        return True
    objects = f"{(mirror / 'objects').absolute()}\n"
    return any(_text_of(each) == objects for each in workspaces.root.glob("runs/*/git/objects/info/alternates"))


def _delete_mirror(workspaces: Workspaces, mirror: Path) -> None:
    delete(workspaces.spares.spare(f"{mirror.parent.name}/{mirror.stem}").parent)
    delete(mirror)


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
