"""The files of a run: a checkout of the repository that an agent works in, and what surrounds it.

Below the root folder:

- ``mirrors/OWNER/NAME.git``: a bare repository, fetched with the bot's credentials. All processes of this machine share
  it, and every run of the repository has its objects from there.
- ``spares/OWNER/NAME/ready``: a workspace's ``git`` and ``worktree`` for the next new run.
- ``runs/ID/worktree``: the files. In it ``.git``, a repository for the agent alone, which the bot writes before each
  turn and never reads.
- ``runs/ID/git``: the bot's own repository of the same files, which no agent sees.
- ``runs/ID/home``, ``tmp``: the agent's; its files of sessions are kept between turns.
- ``runs/ID/workspace.json``: which branch it is, and so on.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from bot import log
from bot.agents.changes import is_clean
from bot.agents.git import Git, GitError, GitProblem, Remote
from bot.agents.model import TurnError
from bot.errors import ErrorKind, UpstreamError
from bot.github.models import PullRequest, Repository, is_repository
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

LOCK_TIMEOUT = 1800.0
"""Seconds that a run waits for another one's fetch of the same repository: a first one may take long."""

SETUP_LOG_LIMIT = 2**20
"""Bytes of the set-up commands' output that are read: its end."""

SPARE_DELAY = 30.0
"""Seconds; an agent has started by then."""

DISK_FULL = GitError(GitProblem.DISK_FULL).sentence


class RepositoryHost(Protocol):
    """What workspaces need of `bot.github.client.GitHub`."""

    async def repository(self, repository: str) -> Repository: ...

    async def pull_request(self, repository: str, number: int) -> PullRequest: ...

    async def git_token(self, repository: str, *, rejected: str = "") -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRequest:
    """What a run works on.

    :param repository: ``owner/name``
    :param pull_request: whose head it starts from; None: the default branch
    :param own_branch: whether it gets a branch of its own even on a pull request of this repository
    :param slug: words for the name of a branch of its own
    :param branch: the branch that an earlier turn pushed, for when its workspace was on another machine
    :param others: more branches that the agent can look at, as ``origin/BRANCH``
    """

    run_id: int
    repository: str
    pull_request: int | None = None
    own_branch: bool = False
    slug: str = ""
    branch: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A run's workspace.

    :param branch: that the changes are pushed to
    :param base_branch: that a pull request of the branch asks to merge into
    :param base_sha: where that was when the run started
    :param head_sha: the commit that the files are compared with: the base, or what was pushed or fetched last
    :param is_own_branch: whether the branch is the bot's, so that it needs a pull request of its own
    :param pushed_sha: where the branch is on GitHub, as far as is known; None if it is not there yet
    :param pull_request: of the branch; None if there is none yet
    :param pull_request_url: of a pull request that the run opened
    :param objects: the mirror's, which the agent's repository needs
    :param others: the commits of more branches that the agent can look at
    :param notes: what the user should know about its making, in sentences
    """

    run_id: int
    repository: str
    folder: Path
    objects: Path
    branch: str
    base_branch: str
    base_sha: str
    head_sha: str
    is_own_branch: bool
    pushed_sha: str | None = None
    pull_request: int | None = None
    pull_request_url: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def worktree(self) -> Path:
        return self.folder / "worktree"

    @property
    def git_dir(self) -> Path:
        return self.folder / "git"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"

    @property
    def stderr(self) -> Path:
        return self.folder / "stderr.log"

    @property
    def setup_log(self) -> Path:
        return self.folder / "setup.log"

    @property
    def set_up_mark(self) -> Path:
        """Exists once the set-up commands have run."""
        return self.folder / "set-up"

    def save(self) -> None:
        """Writes down what a later turn needs. Blocks shortly."""
        document = asdict(self)
        for name in ("folder", "objects", "notes"):
            del document[name]
        new = self.folder / "workspace.json.new"
        new.write_text(json.dumps(document))
        new.replace(self.folder / "workspace.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """Where a new workspace starts: what to fetch, and where to push."""

    ref: str
    branch: str
    base_branch: str
    is_own_branch: bool
    pull_request: int | None = None
    notes: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    is_pushed: bool = False


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
class Workspaces:
    """All workspaces below one folder.

    :param root: the folder; on a disk of this machine
    :param objects_inside: where the sandbox shows the mirror's objects; None: at their real path
    :param protocols: by which repositories may be fetched
    :param clone_urls: those that are known, by the repository in lower case
    :param spares: which repositories want a spare checkout (`keep_spares`)
    """

    root: Path
    github: RepositoryHost
    objects_inside: Path | None = Path("/mirror/objects")
    protocols: tuple[str, ...] = ("https", "http")
    now: Callable[[], float] = field(default=time.time)
    clone_urls: dict[str, str] = field(default_factory=dict)
    spares: SparesWanted = field(default_factory=SparesWanted)

    async def open(self, request: WorkspaceRequest) -> Workspace:
        """A run's workspace, ready for its next turn: made, or brought up to date with what was pushed meanwhile.

        :raises TurnError: if it cannot be had; the sentence says why
        """
        with failures_as_turn_errors():
            if not is_repository(request.repository):
                raise GitError(GitProblem.NOT_FOUND)
            stored = await run_in_thread(lambda: self._stored(request))
            workspace = await (self._make(request) if stored is None else self._continue(stored))
            await run_in_thread(lambda: self._prepare(workspace))
        _log.info("workspace.opened", run=request.run_id, repository=request.repository, is_new=stored is None)
        return workspace

    async def set_up(
        self, workspace: Workspace, commands: Sequence[str], run_inside: Callable[[str, Path], Awaitable[int]]
    ) -> SetUp | None:
        """Runs the repository's set-up commands, once in a workspace's life. A failure does not end the turn: the agent
        can often do without.

        What they leave behind in the files is not part of the run's changes.

        :param run_inside: runs a command of the shell in the sandbox, appends its output to the file, and returns its
            exit status
        :returns: None if there is nothing to do
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
            await self._ignore_untracked(workspace)
            await run_in_thread(workspace.set_up_mark.touch)
            output = await run_in_thread(lambda: _end_of(workspace.setup_log, SETUP_LOG_LIMIT))
        return SetUp(output=output, failed=failed)

    def git(self, workspace: Workspace) -> Git:
        """The bot's git on a workspace's files."""
        return Git(git_dir=workspace.git_dir, work_tree=workspace.worktree, protocols=self.protocols)

    async def fetch(self, workspace: Workspace, branch: str) -> str:
        """A branch's commit on GitHub, which the workspace can use from now on.

        :raises GitError: of NO_BRANCH if there is no such branch
        """
        ref = f"refs/heads/{branch}"
        return (await self._fetch(workspace.repository, [ref]))[ref]

    async def on_remote(self, git: Git, repository: str, command: str, *options: str, specs: Sequence[str]) -> bytes:
        """Runs a command of git's on the repository at GitHub, once more if the token was revoked meanwhile."""
        key = repository.lower()
        if key not in self.clone_urls:
            self.clone_urls[key] = (await self.github.repository(repository)).clone_url
        url = self.clone_urls[key]
        token = await self.github.git_token(repository)
        try:
            return await git.run(command, *options, url, *specs, remote=Remote(url=url, token=token))
        except GitError as error:
            if error.problem is not GitProblem.UNAUTHORIZED:
                raise
            renewed = await self.github.git_token(repository, rejected=token)
            if renewed == token:
                raise
        return await git.run(command, *options, url, *specs, remote=Remote(url=url, token=renewed))

    async def keep_spares(self, *, delay: float = SPARE_DELAY) -> None:
        """Keeps a spare checkout of each repository that gets new workspaces, for ever: to write tens of thousands of
        files takes longer than anything else, and the next run need not wait for it.

        :param delay: seconds after which a spare is made, so that it does not slow down the run that took the last one
        """
        while True:
            workspace = await self.spares.next()
            await asyncio.sleep(delay)
            try:
                await self.make_spare(workspace)
            except (GitError, OSError) as error:
                _log.warning("spare.not_made", repository=workspace.repository, reason=str(error))

    async def make_spare(self, workspace: Workspace) -> None:
        """Makes a spare checkout of a workspace's repository, at the base branch, unless there is one.

        :raises GitError: also OSError
        """
        ready = self._spare(workspace.repository)
        making = replace(workspace, folder=ready.with_name("making"), head_sha=workspace.base_sha)
        async with _locked(ready):
            if await run_in_thread(ready.exists):
                return
            await run_in_thread(lambda: _write_own_repository(making))
            await run_in_thread(lambda: _make_empty(making.worktree))
            settings = {"checkout.workers": "1"}
            git = replace(self.git(making), settings=settings, yields=True)
            await git.run("read-tree", "--reset", "-u", making.head_sha)
            await run_in_thread(lambda: making.folder.rename(ready))
        _log.info("spare.made", repository=workspace.repository)

    async def _use_spare(self, workspace: Workspace) -> bool:
        """Makes the spare checkout, if there is one, the workspace's. False also if it turns out to be damaged."""
        spare = self._spare(workspace.repository)

        def take() -> bool:
            _delete(workspace.folder)
            workspace.folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                spare.rename(workspace.folder)
            except FileNotFoundError:
                return False
            return True

        if not await run_in_thread(take):
            return False
        try:
            await self.move(workspace, workspace.head_sha)
        except GitError as error:
            if error.problem is GitProblem.DISK_FULL:
                raise
            _log.warning("spare.damaged", repository=workspace.repository, reason=str(error))
            return False
        return True

    async def remove(self, run_id: int) -> bool:
        """Deletes a run's workspace; False if there is none."""
        return await run_in_thread(lambda: self._remove(run_id))

    async def sweep(self, *, older_than: float, keep: Collection[int] = ()) -> list[int]:
        """Deletes the workspaces, spares and mirrors that were not used for some time, and packs the other mirrors.

        :param older_than: seconds
        :param keep: the runs that are being worked on
        :returns: the runs whose workspaces are gone
        """
        removed = [run for run in await run_in_thread(lambda: self._unused(older_than, keep)) if await self.remove(run)]
        for mirror in await run_in_thread(lambda: [*self.root.glob("mirrors/*/*.git")]):
            async with _locked(mirror):
                is_used = await run_in_thread(partial(self._is_used, mirror, older_than))
                if not is_used:
                    _log.info("mirror.removed", mirror=f"{mirror.parent.name}/{mirror.stem}")
                    await run_in_thread(partial(self._delete_mirror, mirror))
                    continue
                with suppress(GitError):
                    # Never drops an object: some run may need it.
                    await Git(git_dir=mirror, yields=True).run("repack", "--geometric=2", "-d", "-q")
        return removed

    # Making and continuing

    async def _make(self, request: WorkspaceRequest) -> Workspace:
        start = await self._start(request)
        notes = start.notes
        wanted = [start.ref, *start.fallbacks]
        base_ref = f"refs/heads/{start.base_branch}"
        try:
            shas = await self._fetch(request.repository, [*dict.fromkeys([*wanted, base_ref])])
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
        folder = self._folder(request.run_id)
        sha = shas[used]
        is_there = used == f"refs/heads/{start.branch}"
        workspace = Workspace(
            run_id=request.run_id,
            repository=request.repository,
            folder=folder,
            objects=self._mirror(request.repository) / "objects",
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
                await run_in_thread(lambda: _write_own_repository(workspace))
                await self._check_out(workspace)
            await run_in_thread(workspace.save)
        except (GitError, OSError):
            # Half of one is of no use, and the disk may be full.
            await run_in_thread(lambda: _delete(workspace.folder))
            raise
        self.spares.want(workspace)
        return workspace

    async def _fetch_others(self, request: WorkspaceRequest) -> dict[str, str]:
        """Those that exist, with their commits."""
        refs = {f"refs/heads/{branch}": branch for branch in request.others}
        found: dict[str, str] = {}
        if refs:
            with suppress_no_branch():
                found = await self._fetch(request.repository, [*refs])
        return {refs[ref]: sha for ref, sha in found.items()}

    async def _start(self, request: WorkspaceRequest) -> _Start:
        own = own_branch_name(request.slug, request.run_id)
        if request.pull_request is None:
            base = (await self.github.repository(request.repository)).default_branch
            return _own(request.branch, own, base, f"refs/heads/{base}")
        number = request.pull_request
        pull_request = await self.github.pull_request(request.repository, number)
        head = f"refs/heads/{pull_request.head_branch}"
        anyway = f"refs/pull/{number}/head"
        is_here, is_open = not pull_request.is_fork, pull_request.is_open
        if is_here and is_open and not request.own_branch and request.branch in {None, pull_request.head_branch}:
            return _Start(
                ref=head,
                branch=pull_request.head_branch,
                base_branch=pull_request.base_branch,
                is_own_branch=False,
                pull_request=number,
                fallbacks=(anyway,),
            )
        notes: tuple[str, ...] = ()
        if not is_open and not request.own_branch:
            notes = (f"Pull request #{number} is closed, so the changes get a branch of their own.",)
        elif not is_here and not request.own_branch:
            notes = (f"Pull request #{number} comes from a fork, so the changes get a branch of their own.",)
        base = pull_request.head_branch if is_here and is_open else pull_request.base_branch
        start = _own(request.branch, own, base, head if is_here and is_open else anyway)
        return replace(start, notes=notes, fallbacks=(*start.fallbacks, anyway))

    async def _continue(self, workspace: Workspace) -> Workspace:
        git = self.git(workspace)
        await run_in_thread(lambda: _remove_stale_locks(workspace.git_dir))
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

    async def _check_out(self, workspace: Workspace) -> None:
        await run_in_thread(lambda: _make_empty(workspace.worktree))
        await self.git(workspace).run("read-tree", "--reset", "-u", workspace.head_sha)

    async def _ignore_untracked(self, workspace: Workspace) -> None:
        """Excludes what the set-up commands made: only what the agent does later is the run's change."""
        options = ("--others", "--exclude-standard", "-z", "--directory", "--no-empty-directory")
        found = await self.git(workspace).run("ls-files", *options)
        names = [os.fsdecode(name) for name in found.split(b"\0") if name and b"\n" not in name]
        if names:
            lines = "".join(f"/{_EXCLUDE_SIGNS.sub(_escaped, name)}\n" for name in names)
            await run_in_thread(lambda: _append(workspace.git_dir / "info/exclude", lines))
            await run_in_thread(lambda: self._prepare(workspace))

    # Mirrors

    async def _fetch(self, repository: str, refs: Sequence[str]) -> dict[str, str]:
        """Fetches refs into the mirror, and returns the commits of those that exist.

        :raises GitError: of NO_BRANCH if none of them exists
        """
        for ref in refs:
            if _REF.fullmatch(ref) is None or ".." in ref:
                raise GitError(GitProblem.NO_BRANCH)
        mirror = self._mirror(repository)
        async with _locked(mirror):
            try:
                return await self._fetch_into(mirror, repository, refs)
            except GitError as error:
                if error.problem is not GitProblem.CORRUPT:
                    raise
            _log.warning("mirror.corrupt", repository=repository)
            await run_in_thread(lambda: _delete(mirror))
            return await self._fetch_into(mirror, repository, refs)

    async def _fetch_into(self, mirror: Path, repository: str, refs: Sequence[str]) -> dict[str, str]:
        git = Git(git_dir=mirror, protocols=self.protocols)
        await run_in_thread(lambda: _make_mirror(mirror))
        await run_in_thread((mirror / _FETCHED).touch)
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance")
        specs = {ref: f"+{ref}:{_mirrored(ref)}" for ref in refs}
        found = [*refs]
        try:
            await self.on_remote(git, repository, "fetch", *options, specs=[*specs.values()])
        except GitError as error:
            if error.problem is not GitProblem.NO_BRANCH or len(refs) == 1:
                raise
            found = []
            for ref in refs:
                with suppress_no_branch():
                    await self.on_remote(git, repository, "fetch", *options, specs=[specs[ref]])
                    found.append(ref)
            if not found:
                raise
        shas = (await git.text("rev-parse", *(f"{_mirrored(ref)}^{{commit}}" for ref in found))).split()
        return dict(zip(found, shas, strict=True))

    # Files

    def _mirror(self, repository: str) -> Path:
        owner, _, name = repository.lower().partition("/")
        return self.root / "mirrors" / owner / f"{name}.git"

    def _folder(self, run_id: int) -> Path:
        return self.root / "runs" / str(run_id)

    def _stored(self, request: WorkspaceRequest) -> Workspace | None:
        folder = self._folder(request.run_id)
        try:
            document: dict[str, Any] = json.loads((folder / "workspace.json").read_text())
            workspace = Workspace(folder=folder, objects=self._mirror(request.repository) / "objects", **document)
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
            _delete(folder)
            return None
        return workspace

    def _spare(self, repository: str) -> Path:
        owner, _, name = repository.lower().partition("/")
        return self.root / "spares" / owner / name / "ready"

    def _is_used(self, mirror: Path, older_than: float) -> bool:
        """Whether the mirror was fetched lately, or has the objects of a run."""
        fetched = mirror / _FETCHED
        if fetched.exists() and fetched.stat().st_mtime >= self.now() - older_than:
            return True
        objects = f"{(mirror / 'objects').absolute()}\n"
        return any(_text_of(each) == objects for each in self.root.glob("runs/*/git/objects/info/alternates"))

    def _delete_mirror(self, mirror: Path) -> None:
        _delete(self._spare(f"{mirror.parent.name}/{mirror.stem}").parent)
        _delete(mirror)

    def _prepare(self, workspace: Workspace) -> None:
        for folder in (workspace.home, workspace.tmp):
            folder.mkdir(parents=True, exist_ok=True)
        _write_agent_repository(workspace, self.objects_inside or workspace.objects.absolute())
        moment = self.now()
        os.utime(workspace.folder / "workspace.json", (moment, moment))

    def _remove(self, run_id: int) -> bool:
        folder = self._folder(run_id)
        if not folder.exists():
            return False
        _delete(folder)
        _log.info("workspace.removed", run=run_id)
        return True

    def _unused(self, older_than: float, keep: Collection[int]) -> list[int]:
        found = []
        for folder in (self.root / "runs").glob("*"):
            if folder.name.startswith(_DELETED):
                _delete(folder)
            elif folder.name.isdecimal() and int(folder.name) not in keep:
                used = folder / "workspace.json"
                when = (used if used.exists() else folder).stat().st_mtime
                if when < self.now() - older_than:
                    found.append(int(folder.name))
        return sorted(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What the set-up commands did.

    :param output: its end, if it is long
    :param failed: the command that failed, after which no other was run
    """

    output: str
    failed: str | None


_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]{1,500}")
_EXCLUDE_SIGNS = re.compile(r"[*?\[\\ ]")
_DELETED = ".deleted-"
_FETCHED = "codegen-bot-fetched"
"""A file of a mirror, written at each fetch."""


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def own_branch_name(slug: str, run_id: int) -> str:
    """The name of a run's own branch."""
    words = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")[:40].strip("-")
    return f"codegen-bot/{words}-{run_id}" if words else f"codegen-bot/run-{run_id}"


def _own(pushed: str | None, own: str, base: str, ref: str) -> _Start:
    """A start on a branch of the run's own, which an earlier turn may have pushed."""
    if pushed is None:
        return _Start(ref=ref, branch=own, base_branch=base, is_own_branch=True)
    return _Start(
        ref=f"refs/heads/{pushed}",
        branch=pushed,
        base_branch=base,
        is_own_branch=True,
        fallbacks=(ref,),
        is_pushed=True,
    )


def _mirrored(ref: str) -> str:
    """The mirror's name of a ref. Flat: on GitHub "a" may have been deleted and "a/b" made."""
    return f"refs/fetched/{hashlib.sha256(ref.encode()).hexdigest()[:32]}"


@contextmanager
def failures_as_turn_errors() -> Iterator[None]:
    """Translates failures of git, GitHub and the disk into the sentence that ends a turn."""
    try:
        yield
    except GitError as error:
        raise TurnError(error.sentence) from error
    except UpstreamError as error:
        raise TurnError(sentence_of(error)) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise TurnError(DISK_FULL) from error
        raise


def sentence_of(error: UpstreamError) -> str:
    """What the user reads when GitHub's API fails."""
    match error.kind:
        case ErrorKind.NOT_FOUND:
            return GitError(GitProblem.NOT_FOUND).sentence
        case ErrorKind.UNAUTHORIZED:
            return GitError(GitProblem.UNAUTHORIZED).sentence
        case ErrorKind.FORBIDDEN:
            return GitError(GitProblem.FORBIDDEN).sentence
        case ErrorKind.RATE_LIMITED:
            return "GitHub's rate limit is used up. Resume the run in an hour."
        case _:
            return "GitHub's API does not work just now. Resume the run later."


@contextmanager
def suppress_no_branch() -> Iterator[None]:
    """Ignores that a ref does not exist."""
    try:
        yield
    except GitError as error:
        if error.problem is not GitProblem.NO_BRANCH:
            raise


@asynccontextmanager
async def _locked(mirror: Path) -> AsyncIterator[None]:
    """Holds a mirror against all other processes. Polls: a thread that waits for a lock cannot be cancelled."""

    def open_lock() -> int:
        mirror.parent.mkdir(parents=True, exist_ok=True)
        return os.open(mirror.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    lock = await run_in_thread(open_lock)
    try:
        async with asyncio.timeout(LOCK_TIMEOUT):
            while not _try_lock(lock):  # noqa: ASYNC110 - the other one may be another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        os.close(lock)
        raise GitError(GitProblem.TIMED_OUT, "waiting for another run's fetch") from None
    except asyncio.CancelledError:
        os.close(lock)
        raise
    try:
        yield
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    import fcntl  # noqa: PLC0415 - Windows has none, and imports this module too

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_mirror(mirror: Path) -> None:
    """Makes the mirror if there is none. What a killed fetch left is removed: the caller has the lock."""
    if not (mirror / "HEAD").exists():
        _make_repository(mirror, "ref: refs/heads/main", "bare = true")
        return
    _remove_stale_locks(mirror)
    for rest in mirror.glob("objects/pack/tmp_*"):
        rest.unlink(missing_ok=True)


def _make_repository(folder: Path, head: str, core: str) -> None:
    """Writes an empty repository: faster than `git init`, and with nothing from a template."""
    for name in ("objects/info", "objects/pack", "refs/heads", "info"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(f"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\t{core}\n")
    # Last: it makes the folder a repository.
    (folder / "HEAD").write_text(f"{head}\n")


def _remove_stale_locks(git_dir: Path) -> None:
    for lock in (*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)


def _write_own_repository(workspace: Workspace) -> None:
    _delete(workspace.folder)
    _make_repository(workspace.git_dir, workspace.head_sha, "bare = false")
    (workspace.git_dir / "objects/info/alternates").write_text(f"{workspace.objects.absolute()}\n")
    (workspace.git_dir / "info/exclude").write_text(_NEVER_COMMITTED)


_NEVER_COMMITTED = """\
# What tools leave behind, for repositories that do not ignore it themselves.
node_modules/
.venv/
__pycache__/
*.pyc
.pytest_cache/
.mypy_cache/
.ruff_cache/
.DS_Store
.aider.chat.history.md
.aider.input.history
.aider.tags.cache.v*/
"""


def write_head(git_dir: Path, sha: str) -> None:
    new = git_dir / "HEAD.new"
    new.write_text(f"{sha}\n")
    new.replace(git_dir / "HEAD")


def _write_agent_repository(workspace: Workspace, objects: Path) -> None:
    """A new ``.git`` for the agent, at the bot's commit. The old one is deleted unread: it may hold anything.

    Made elsewhere and moved there, because the agent may have put links in the way.
    """
    own, new = workspace.git_dir, workspace.folder / "agent-git"
    _delete(new)
    _make_repository(new, f"ref: refs/heads/{workspace.branch}", f"bare = false\n{_AGENT_CONFIG}")
    seen = {**workspace.others, workspace.base_branch: workspace.base_sha}
    refs = {f"refs/remotes/origin/{branch}": sha for branch, sha in seen.items()}
    refs[f"refs/heads/{workspace.branch}"] = workspace.head_sha
    packed = "".join(f"{sha} {ref}\n" for ref, sha in sorted(refs.items()))
    (new / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{packed}")
    (new / "objects/info/alternates").write_text(f"{objects}\n")
    # The run's own commits are not in the mirror. Copied: a link would let the agent write into the bot's.
    for part in (own / "objects").iterdir():
        if part.name != "info":
            shutil.copytree(part, new / "objects" / part.name, dirs_exist_ok=True)
    for name in ("index", "info/exclude"):
        shutil.copyfile(own / name, new / name)
    _delete(workspace.worktree / ".git")
    new.rename(workspace.worktree / ".git")


_AGENT_CONFIG = """\
[user]
	name = agent
	email = agent@localhost
[gc]
	auto = 0
[advice]
	detachedHead = false
"""


def is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _make_empty(folder: Path) -> None:
    _delete(folder)
    folder.mkdir(parents=True)


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def _end_of(path: Path, limit: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
        return file.read().decode(errors="replace")


def _delete(path: Path) -> None:
    """Deletes a file, a link, or a folder with all that is in it, also where an agent has withdrawn permissions.

    A run's folder first gets another name, so that half of one is never taken for a whole.

    :raises OSError: if something is left
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if path.name.isdecimal():
        doomed = path.with_name(f"{_DELETED}{path.name}-{time.time_ns()}")
        path.rename(doomed)
        path = doomed
    # Programs, and not `shutil.rmtree`: that fails on folders nested a thousand deep.
    for command in (("/bin/rm", "-rf"), ("/bin/chmod", "-R", "u+rwx"), ("/bin/rm", "-rf")):
        subprocess.run([*command, "--", path.absolute()], stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - constant
        if not path.exists():
            return
    raise OSError(errno.ENOTEMPTY, "cannot be deleted", str(path))
