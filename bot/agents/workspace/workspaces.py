"""Opens the workspace of a run for its next turn: makes it, or brings it up to date with what was pushed meanwhile."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from bot import log
from bot.agents.changes import is_clean
from bot.agents.git import Git, GitError, GitProblem
from bot.agents.model import TurnError
from bot.agents.workspace.failures import failures_as_turn_errors, suppress_no_branch
from bot.agents.workspace.folders import delete, is_folder, make_empty
from bot.agents.workspace.mirrors import Mirrors
from bot.agents.workspace.model import RepositoryHost, Workspace, WorkspaceRequest
from bot.agents.workspace.repositories import (
    remove_stale_locks,
    write_agent_repository,
    write_head,
    write_own_repository,
)
from bot.agents.workspace.spares import Spares
from bot.agents.workspace.starting_points import find_starting_point
from bot.github.models import is_repository
from bot.storage.queries import run_in_thread

_log = log.get(__name__)


@dataclass(slots=True, kw_only=True)
class Workspaces:
    """All workspaces below one folder.

    :param root: the folder; on a disk of this machine
    :param objects_inside: where the sandbox shows the mirror's objects; None: at their real path
    :param protocols: by which repositories may be fetched
    """

    root: Path
    github: RepositoryHost
    objects_inside: Path | None = Path("/mirror/objects")
    protocols: tuple[str, ...] = ("https", "http")
    now: Callable[[], float] = field(default=time.time)
    mirrors: Mirrors = field(init=False)
    spares: Spares = field(init=False)

    def __post_init__(self) -> None:
        self.mirrors = Mirrors(folder=self.root / "mirrors", github=self.github, protocols=self.protocols)
        self.spares = Spares(folder=self.root / "spares")

    async def open(self, request: WorkspaceRequest) -> Workspace:
        """A run's workspace, ready for its next turn: made, or brought up to date with what was pushed meanwhile.

        :raises TurnError: if it cannot be had; the sentence says why
        """
        with failures_as_turn_errors():
            if not is_repository(request.repository):
                raise GitError(GitProblem.NOT_FOUND)
            stored = await run_in_thread(lambda: self._stored(request))
            workspace = await (self._make(request) if stored is None else self._continue(stored))
            await run_in_thread(lambda: self.prepare(workspace))
        _log.info("workspace.opened", run=request.run_id, repository=request.repository, is_new=stored is None)
        return workspace

    def prepare(self, workspace: Workspace) -> None:
        """Writes what an agent needs besides the files, anew for each turn. Blocks."""
        for folder in (workspace.home, workspace.tmp):
            folder.mkdir(parents=True, exist_ok=True)
        write_agent_repository(workspace, self.objects_inside or workspace.objects.absolute())
        moment = self.now()
        os.utime(workspace.folder / "workspace.json", (moment, moment))

    def folder(self, run_id: int) -> Path:
        return self.root / "runs" / str(run_id)

    def git(self, workspace: Workspace) -> Git:
        """The bot's git on a workspace's files."""
        return Git(git_dir=workspace.git_dir, work_tree=workspace.worktree, protocols=self.protocols)

    async def fetch(self, workspace: Workspace, branch: str) -> str:
        """A branch's commit on GitHub, which the workspace can use from now on.

        :raises GitError: of NO_BRANCH if there is no such branch
        """
        ref = f"refs/heads/{branch}"
        return (await self.mirrors.fetch(workspace.repository, [ref]))[ref]

    async def move(self, workspace: Workspace, sha: str) -> None:
        """Changes the files from the index's to those of another commit; only files that differ are written."""
        git = self.git(workspace)
        try:
            await git.run("read-tree", "-m", "-u", "HEAD", sha)
        except GitError as error:
            if error.problem in {GitProblem.DISK_FULL, GitProblem.CORRUPT}:
                raise
            # Something untracked is in the way, and what people pushed takes precedence.
            await git.run("read-tree", "--reset", "-u", sha)
        await run_in_thread(lambda: write_head(workspace.git_dir, sha))

    async def remove(self, run_id: int) -> bool:
        """Deletes a run's workspace; False if there is none."""
        return await run_in_thread(lambda: self._remove(run_id))

    # Making

    async def _make(self, request: WorkspaceRequest) -> Workspace:
        start = await find_starting_point(self.github, request)
        notes = start.notes
        wanted = [start.ref, *start.fallbacks]
        base_ref = f"refs/heads/{start.base_branch}"
        try:
            shas = await self.mirrors.fetch(request.repository, [*dict.fromkeys([*wanted, base_ref])])
        except GitError as error:
            if error.problem is not GitProblem.NO_BRANCH or request.pull_request is not None:
                raise
            raise TurnError(
                f"The repository has no branch {start.base_branch} yet. Push a first commit to it."
            ) from error
        used = next((ref for ref in wanted if ref in shas), None)
        if used is None:
            raise GitError(GitProblem.NO_BRANCH)
        is_lost = start.is_pushed and used != start.ref
        if is_lost:
            notes += (f"The branch {start.branch} is not on GitHub, so the run starts again from {start.base_branch}.",)
        sha = shas[used]
        is_there = used == f"refs/heads/{start.branch}"
        workspace = Workspace(
            run_id=request.run_id,
            repository=request.repository,
            folder=self.folder(request.run_id),
            objects=self._objects(request),
            branch=start.branch,
            base_branch=start.base_branch,
            base_sha=shas.get(base_ref, sha),
            head_sha=sha,
            is_own_branch=start.is_own_branch,
            pushed_sha=sha if is_there else None,
            pull_request=start.pull_request,
            others=await self._fetch_others(request),
            notes=notes,
        )
        try:
            if not await self._use_spare(workspace):
                await run_in_thread(lambda: write_own_repository(workspace))
                await self._check_out(workspace)
            await run_in_thread(workspace.save)
        except (GitError, OSError):
            # Half of one is of no use, and the disk may be full.
            await run_in_thread(lambda: delete(workspace.folder))
            raise
        self.spares.wanted.want(workspace)
        return workspace

    async def _fetch_others(self, request: WorkspaceRequest) -> dict[str, str]:
        """Those that exist, with their commits."""
        refs = {f"refs/heads/{branch}": branch for branch in request.others}
        found: dict[str, str] = {}
        if refs:
            with suppress_no_branch():
                found = await self.mirrors.fetch(request.repository, [*refs])
        return {refs[ref]: sha for ref, sha in found.items()}

    async def _use_spare(self, workspace: Workspace) -> bool:
        """Makes the spare checkout, if there is one, the workspace's. False also if it turns out to be damaged."""
        if not await run_in_thread(lambda: self.spares.take(workspace)):
            return False
        try:
            await self.move(workspace, workspace.head_sha)
        except GitError as error:
            if error.problem is GitProblem.DISK_FULL:
                raise
            _log.warning("spare.damaged", repository=workspace.repository, reason=str(error))
            return False
        return True

    async def _check_out(self, workspace: Workspace) -> None:
        await run_in_thread(lambda: make_empty(workspace.worktree))
        await self.git(workspace).run("read-tree", "--reset", "-u", workspace.head_sha)

    # Continuing

    async def _continue(self, workspace: Workspace) -> Workspace:
        git = self.git(workspace)
        await run_in_thread(lambda: remove_stale_locks(workspace.git_dir))
        if not await run_in_thread(lambda: is_folder(workspace.worktree)):
            await self._check_out(workspace)
            note = "The run's files were gone, so they were restored from its branch; what was not pushed is lost."
            workspace = replace(workspace, notes=(*workspace.notes, note))
        try:
            new = await self.fetch(workspace, workspace.branch)
        except GitError as error:
            # There is none yet; or it was deleted, which publishing notices too.
            if error.problem is not GitProblem.NO_BRANCH:
                raise
            return workspace
        if workspace.pushed_sha is None and not await self._builds_upon(workspace, new):
            # Another author's branch of the same name.
            return workspace
        if new == workspace.head_sha:
            return workspace
        if await git.text("write-tree") == await git.text("rev-parse", f"{new}^{{tree}}"):
            # This run pushed it, and was killed before it could note that.
            await run_in_thread(partial(write_head, workspace.git_dir, new))
        elif await is_clean(git):
            # Also after a forced push: everything that the run did is pushed, or was replaced by people.
            await self.move(workspace, new)
        else:
            return workspace
        workspace = replace(workspace, head_sha=new, pushed_sha=new)
        await run_in_thread(workspace.save)
        return workspace

    async def _builds_upon(self, workspace: Workspace, sha: str) -> bool:
        """Whether a commit may be the run's own, of a turn on another machine."""
        found = await self.git(workspace).run("rev-list", "-1", workspace.head_sha, f"^{sha}")
        return not found

    # Files

    def _objects(self, request: WorkspaceRequest) -> Path:
        return self.mirrors.mirror(request.repository) / "objects"

    def _stored(self, request: WorkspaceRequest) -> Workspace | None:
        folder = self.folder(request.run_id)
        try:
            document: dict[str, Any] = json.loads((folder / "workspace.json").read_text())
            workspace = Workspace(folder=folder, objects=self._objects(request), **document)
        except (FileNotFoundError, NotADirectoryError):
            workspace = None
        except (ValueError, TypeError) as error:
            _log.warning("workspace.unreadable", run=request.run_id, reason=str(error))
            workspace = None
        is_usable = (
            workspace is not None
            and workspace.repository.lower() == request.repository.lower()
            and (workspace.git_dir / "HEAD").is_file()
            and workspace.objects.is_dir()
        )
        if not is_usable:
            # Half of one, of a process that was killed while it made it.
            delete(folder)
            return None
        return workspace

    def _remove(self, run_id: int) -> bool:
        folder = self.folder(run_id)
        if not folder.exists():
            return False
        delete(folder)
        _log.info("workspace.removed", run=run_id)
        return True
