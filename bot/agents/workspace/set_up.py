"""Runs a repository's set-up commands in a workspace."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.agents.workspace.failures import failures_as_turn_errors
from bot.agents.workspace.model import Workspace
from bot.agents.workspace.workspaces import Workspaces
from bot.storage.queries import run_in_thread

LOG_LIMIT = 2**20
"""Bytes of the commands' output that are read: its end."""

_EXCLUDE_SIGNS = re.compile(r"[*?\[\\ ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What the set-up commands did.

    :param output: its end, if it is long
    :param failed: the command that failed, after which no other was run
    """

    output: str
    failed: str | None


async def set_up(
    workspaces: Workspaces,
    workspace: Workspace,
    commands: Sequence[str],
    run_inside: Callable[[str, Path], Awaitable[int]],
) -> SetUp | None:
    """Runs the repository's set-up commands, once in a workspace's life. A failure does not end the turn: the agent
    can often do without.

    What they leave behind in the files is not part of the run's changes.

    :param run_inside: runs a command of the shell in the sandbox, appends its output to the file, and returns its
        exit status
    :returns: None if there is nothing to do
    :raises TurnError: if git or the disk fails
    """
    if not commands or await run_in_thread(workspace.set_up_mark.exists):
        return None
    failed = None
    with failures_as_turn_errors():
        for command in commands:
            await run_in_thread(partial(_append, workspace.setup_log, f"$ {command}\n"))
            status = await run_inside(command, workspace.setup_log)
            if status != 0:
                failed = command
                await run_in_thread(partial(_append, workspace.setup_log, f"[exit status {status}]\n"))
                break
        await _ignore_untracked(workspaces, workspace)
        await run_in_thread(workspace.set_up_mark.touch)
        output = await run_in_thread(lambda: _end_of(workspace.setup_log, LOG_LIMIT))
    return SetUp(output=output, failed=failed)


async def _ignore_untracked(workspaces: Workspaces, workspace: Workspace) -> None:
    """Excludes what the set-up commands made: only what the agent does later is the run's change."""
    options = ("--others", "--exclude-standard", "-z", "--directory", "--no-empty-directory")
    found = await workspaces.git(workspace).run("ls-files", *options)
    names = [os.fsdecode(name) for name in found.split(b"\0") if name and b"\n" not in name]
    if names:
        lines = "".join(f"/{_EXCLUDE_SIGNS.sub(_escaped, name)}\n" for name in names)
        await run_in_thread(lambda: _append(workspace.git_dir / "info/exclude", lines))
        await run_in_thread(lambda: workspaces.prepare(workspace))


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def _end_of(path: Path, limit: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
        return file.read().decode(errors="replace")
