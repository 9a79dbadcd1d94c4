"""Commits the files and pushes the commit: on top of what people pushed meanwhile, or to a branch of the run's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from bot import log
from bot.agents.git import GitError, GitProblem
from bot.agents.publishing.model import PublishRequest, PullRequestHost
from bot.agents.workspace.model import Workspace
from bot.agents.workspace.repositories import write_head
from bot.agents.workspace.starting_points import own_branch_name
from bot.agents.workspace.workspaces import Workspaces
from bot.errors import UpstreamError
from bot.storage.queries import run_in_thread
from bot.upstream import Fence

_log = log.get(__name__)

_MOST_BRANCHES = 5
"""Names of a branch of its own that are tried."""

_RETRY_DELAYS = (2.0, 8.0)
"""Seconds before a push is tried again while the server cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """:param workspace: as it is after the push
    :param notes: what the user should know, in sentences
    """

    workspace: Workspace
    notes: tuple[str, ...] = ()


class Push:
    """Commits one tree and pushes it: to the run's branch or, if that is not possible, to a new one."""

    def __init__(
        self,
        workspaces: Workspaces,
        workspace: Workspace,
        request: PublishRequest,
        *,
        github: PullRequestHost,
        fence: Fence,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """:param fence: awaited before each push
        :param sleep: waits, in seconds
        """
        self._workspaces = workspaces
        self._github = github
        self._fence = fence
        self._sleep = sleep
        self._workspace = workspace
        self._request = request
        self._git = workspaces.git(workspace)
        self._notes: list[str] = []

    async def push(self, tree: str) -> Pushed:
        """:raises GitError: also UpstreamError"""
        commit = await self._commit(tree, self._workspace.head_sha)
        if await self._is_closed():
            number = self._workspace.pull_request
            self._leave_branch(f"Pull request #{number} is closed", base=self._workspace.base_branch)
            commit = await self._replayed_on_base(commit) or commit
        commit = await self._push_somewhere(commit)
        workspace = replace(self._workspace, head_sha=commit, pushed_sha=commit)
        if commit != self._committed:
            # The files get what people pushed meanwhile; the index is that of the first commit.
            await run_in_thread(partial(write_head, workspace.git_dir, self._committed))
            await self._workspaces.move(workspace, commit)
        else:
            await run_in_thread(partial(write_head, workspace.git_dir, commit))
        await run_in_thread(workspace.save)
        return Pushed(workspace=workspace, notes=tuple(self._notes))

    async def _push_somewhere(self, commit: str) -> str:
        """Pushes, and returns what is on the branch then."""
        if self._workspace.pushed_sha is None:
            return await self._push_new(commit)
        branch = self._workspace.branch
        try:
            return await self._push_to(branch, commit, expected=self._workspace.pushed_sha)
        except GitError as error:
            match error.problem:
                case GitProblem.STALE:
                    return await self._push_again(commit)
                case GitProblem.PROTECTED:
                    self._leave_branch(f"A rule protects the branch {branch} from the bot's push", base=branch)
                    return await self._push_new(commit)
                case _:
                    raise

    async def _push_again(self, commit: str) -> str:
        """Pushes again, on top of what people pushed meanwhile."""
        workspace = self._workspace
        branch = workspace.branch
        try:
            theirs = await self._workspaces.fetch(workspace, branch)
        except GitError as error:
            if error.problem is not GitProblem.NO_BRANCH:
                raise
            self._leave_branch(f"The branch {branch} was deleted", base=workspace.base_branch)
            return await self._push_new(commit)
        if await self._is_same(theirs, commit):
            return theirs
        replayed = await self._replayed(commit, theirs)
        if replayed == theirs:
            return theirs
        if replayed is not None:
            try:
                return await self._push_to(branch, replayed, expected=theirs)
            except GitError as error:
                if error.problem is not GitProblem.STALE:
                    raise
        self._leave_branch(f"The changes conflict with what was pushed to {branch} meanwhile", base=branch)
        return await self._push_new(commit)

    async def _push_new(self, commit: str) -> str:
        """Pushes to a new branch of the run."""
        name = self._workspace.branch
        for number in range(1, _MOST_BRANCHES + 1):
            branch = name if number == 1 else f"{name}-{number}"
            try:
                pushed = await self._push_to(branch, commit, expected=None)
            except GitError as error:
                if error.problem is not GitProblem.STALE or number == _MOST_BRANCHES:
                    raise
                theirs = await self._workspaces.fetch(self._workspace, branch)
                if not await self._is_same(theirs, commit):
                    continue
                # Pushed for this run by a process that was killed before it could store that.
                pushed = theirs
            self._workspace = replace(self._workspace, branch=branch)
            return pushed
        raise GitError(GitProblem.STALE)

    async def _push_to(self, branch: str, commit: str, *, expected: str | None) -> str:
        """Pushes if the branch is at the expected commit; None if it is expected not to exist."""
        workspace = self._workspace
        options = ("--porcelain", "--no-verify", f"--force-with-lease=refs/heads/{branch}:{expected or ''}")
        spec = f"{commit}:refs/heads/{branch}"
        for delay in (*_RETRY_DELAYS, None):
            await self._fence()
            try:
                await self._workspaces.mirrors.on_remote(
                    self._git, workspace.repository, "push", *options, specs=[spec]
                )
            except GitError as error:
                if error.problem is not GitProblem.UNREACHABLE or delay is None:
                    raise
                await self._sleep(delay)
            else:
                break
        return commit

    async def _is_closed(self) -> bool:
        workspace = self._workspace
        if workspace.pull_request is None:
            return False
        try:
            return not (await self._github.pull_request(workspace.repository, workspace.pull_request)).is_open
        except UpstreamError as error:
            # The push itself decides.
            _log.info("pull-request.unreadable", run=workspace.run_id, reason=str(error))
            return False

    def _leave_branch(self, reason: str, *, base: str) -> None:
        """Switches the run to a new branch."""
        workspace = self._workspace
        name = own_branch_name(self._request.title, workspace.run_id)
        if name == workspace.branch:
            name = f"{name}-again"
        self._workspace = replace(
            workspace,
            branch=name,
            base_branch=base,
            is_own_branch=True,
            pushed_sha=None,
            pull_request=None,
            pull_request_url=None,
        )
        self._notes.append(f"{reason}, so the changes are on a branch of their own.")

    async def _replayed_on_base(self, commit: str) -> str | None:
        try:
            base = await self._workspaces.fetch(self._workspace, self._workspace.base_branch)
        except GitError as error:
            if error.problem is not GitProblem.NO_BRANCH:
                raise
            return None
        replayed = await self._replayed(commit, base)
        # A branch without a commit of its own could not have a pull request.
        return None if replayed == base else replayed

    async def _replayed(self, commit: str, onto: str) -> str | None:
        """The commit's changes on another commit: that one itself if it has them already, None if they conflict."""
        before = self._workspace.head_sha
        tree = await self._git.text("rev-parse", f"{onto}^{{tree}}")
        # As if `onto` were a child of the commit's parent: that is the merge's base then, whatever people did.
        theirs = await self._git.text("commit-tree", tree, "-p", before, "-m", "theirs", environment=self._identity)
        merged = await self._git.run(
            "merge-tree", "--write-tree", "--name-only", "--no-messages", theirs, commit, allowed=(0, 1)
        )
        lines = merged.decode(errors="replace").split("\n")
        if len(lines) > 2 and any(lines[1:]):
            return None
        return onto if lines[0] == tree else await self._commit(lines[0], onto, is_first=False)

    async def _is_same(self, theirs: str, commit: str) -> bool:
        return await self._git.text("rev-parse", f"{theirs}^{{tree}}") == await self._git.text(
            "rev-parse", f"{commit}^{{tree}}"
        )

    async def _commit(self, tree: str, parent: str, *, is_first: bool = True) -> str:
        made = await self._git.run(
            "commit-tree", tree, "-p", parent, "-F", "-", input=self._message.encode(), environment=self._identity
        )
        commit = made.decode().strip()
        if is_first:
            self._committed = commit
        return commit

    @property
    def _message(self) -> str:
        request, run_id = self._request, self._workspace.run_id
        run = f"Run {run_id}: {request.run_url}" if request.run_url else f"Run {run_id}"
        trailer = f"\n\nCo-authored-by: {request.co_author}" if request.co_author else ""
        return f"{request.title}\n\n{run}{trailer}\n"

    @property
    def _identity(self) -> dict[str, str]:
        author = self._request.author
        return {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": author.name,
            "GIT_COMMITTER_EMAIL": author.email,
        }
