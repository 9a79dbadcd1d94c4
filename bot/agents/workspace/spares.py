"""Spare workspaces: to write tens of thousands of files takes longer than anything else, and the next run of a
repository need not wait for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot import log
from bot.agents.git import Git, GitError
from bot.agents.workspace.folders import delete, make_empty
from bot.agents.workspace.locks import locked
from bot.agents.workspace.model import Workspace
from bot.agents.workspace.repositories import write_own_repository
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

DELAY = 30.0
"""Seconds; an agent has started by then."""


class SparesWanted:
    """The repositories whose spare checkout was taken, or which never had one."""

    def __init__(self) -> None:
        self._workspaces: dict[str, Workspace] = {}
        self._has_more = asyncio.Event()

    def want(self, workspace: Workspace) -> None:
        """:param workspace: a new one, at whose base the spare is to be"""
        self._workspaces[workspace.repository.lower()] = workspace
        self._has_more.set()

    async def next(self) -> Workspace:
        """Waits for one, and takes it off the list."""
        while not self._workspaces:
            self._has_more.clear()
            await self._has_more.wait()
        return self._workspaces.pop(next(iter(self._workspaces)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spares:
    """All spare workspaces below one folder."""

    folder: Path
    wanted: SparesWanted = field(default_factory=SparesWanted)

    def spare(self, repository: str) -> Path:
        """Where the repository's spare is, if there is one."""
        owner, _, name = repository.lower().partition("/")
        return self.folder / owner / name / "ready"

    async def keep(self, *, delay: float = DELAY) -> None:
        """Keeps a spare checkout of each repository that gets new workspaces, for ever.

        :param delay: seconds after which a spare is made, so that it does not slow down the run that took the last one
        """
        while True:
            workspace = await self.wanted.next()
            await asyncio.sleep(delay)
            try:
                await self.make(workspace)
            except (GitError, OSError) as error:
                _log.warning("spare.not_made", repository=workspace.repository, reason=str(error))

    async def make(self, workspace: Workspace) -> None:
        """Makes a spare checkout of a workspace's repository, at the base branch, unless there is one.

        :raises GitError: also OSError
        """
        ready = self.spare(workspace.repository)
        making = replace(workspace, folder=ready.with_name("making"), head_sha=workspace.base_sha)
        async with locked(ready):
            if await run_in_thread(ready.exists):
                return
            await run_in_thread(lambda: write_own_repository(making))
            await run_in_thread(lambda: make_empty(making.worktree))
            settings = {"checkout.workers": "1"}
            git = Git(git_dir=making.git_dir, work_tree=making.worktree, settings=settings, yields=True)
            await git.run("read-tree", "--reset", "-u", making.head_sha)
            await run_in_thread(lambda: making.folder.rename(ready))
        _log.info("spare.made", repository=workspace.repository)

    def take(self, workspace: Workspace) -> bool:
        """Makes the spare the workspace's folder; False if there is none. It may be at another commit, or damaged."""
        delete(workspace.folder)
        workspace.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.spare(workspace.repository).rename(workspace.folder)
        except FileNotFoundError:
            return False
        return True
