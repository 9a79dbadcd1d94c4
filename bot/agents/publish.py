"""Publishes what an agent did: commits the files as the bot, pushes the commit, and opens a pull request.

Only the files are used, never the agent's own commits or configuration. Whatever goes wrong, the work is kept: in
the workspace, and as a patch in the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from bot import log
from bot.agents.changes import LeftOut, count_changes, stage
from bot.agents.git import Git, GitError, GitProblem
from bot.agents.model import TurnError
from bot.agents.secrets_in_changes import find_secrets
from bot.agents.workspace.failures import failures_as_turn_errors, sentence_of
from bot.agents.workspace.folders import is_folder
from bot.agents.workspace.model import Workspace
from bot.agents.workspace.repositories import write_head
from bot.agents.workspace.starting_points import own_branch_name
from bot.agents.workspace.workspaces import Workspaces
from bot.errors import ErrorKind, UpstreamError
from bot.github.models import PullRequest
from bot.storage.agent_models import Changes
from bot.storage.queries import run_in_thread
from bot.text import markers
from bot.text.untrusted import cut, folded, inert, inert_words, inline_code, redact
from bot.upstream import Fence, no_fence

_log = log.get(__name__)

PATCH_LIMIT = 30_000
"""Characters of a patch in an error: a comment has room for 65,536."""

CHECKED_LIMIT = 32 * 2**20
"""Bytes of a change that are searched for secrets; a larger one is not pushed."""

TITLE_LIMIT = 72
"""Characters of a commit's first line, and of a pull request's title."""

_BODY_LIMIT = 30_000
_MOST_NAMES = 5
_RETRY_DELAYS = (2.0, 8.0)
"""Seconds before a push is tried again while the server cannot be reached."""


class PullRequestHost(Protocol):
    """What publishing needs of `bot.github.client.GitHub`."""

    async def pull_request(self, repository: str, number: int) -> PullRequest: ...

    async def find_pull_request(self, repository: str, branch: str) -> PullRequest | None: ...

    async def create_pull_request(
        self, repository: str, *, title: str, body: str, head: str, base: str
    ) -> PullRequest: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who commits."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


def account_identity(login: str, account_id: int | None = None) -> Identity:
    """A GitHub account as the author of a commit: by its noreply address, which GitHub links to the account."""
    prefix = "" if account_id is None else f"{account_id}+"
    return Identity(name=login, email=f"{prefix}{login}@users.noreply.github.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """:param asked: the person's request; it becomes public if the repository is
    :param summary: the agent's final answer
    :param agent: the agent's name
    :param author: the bot's account
    :param co_author: the person who asked
    :param thread: the issue or pull request where it was asked
    :param run_url: the run's page
    :param secret_patterns: the repository's own
    :param opens_pull_request: whether a branch without a pull request gets one
    """

    asked: str
    author: Identity
    agent: str
    summary: str = ""
    co_author: Identity | None = None
    thread: int | None = None
    run_url: str | None = None
    secret_patterns: tuple[str, ...] = ()
    opens_pull_request: bool = True

    @property
    def title(self) -> str:
        first = next((line.strip("# \t*_>-") for line in self.asked.splitlines() if line.strip("# \t*_>-")), "")
        return inert_words(first, TITLE_LIMIT) if first else "Changes by a coding agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was published.

    :param commit: None if there was nothing to commit
    :param branch: the branch that has it
    :param pull_request: of the branch; None if there is no commit and was none before
    :param is_opened: whether the run opened the pull request just now
    :param notes: what the user should know, in sentences
    :param changes: of the branch; None if there is no commit
    """

    commit: str | None
    branch: str
    pull_request: PullRequest | None
    is_opened: bool = False
    notes: tuple[str, ...] = ()
    changes: Changes | None = None


class UnpublishedError(TurnError):
    """The changes are not on GitHub, or not in a pull request.

    :param patch: the changes, redacted, and shortened to `PATCH_LIMIT`; empty if they are on a branch
    :param branch: the branch that has them
    """

    def __init__(self, sentence: str, patch: str = "", branch: str | None = None) -> None:
        super().__init__(sentence)
        self.args = (sentence, patch, branch)
        self.patch = patch
        self.branch = branch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pushed:
    workspace: Workspace
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """:param fence: awaited before each change on GitHub
    :param sleep: waits, in seconds
    """

    workspaces: Workspaces
    github: PullRequestHost
    fence: Fence = no_fence
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def publish(self, workspace: Workspace, request: PublishRequest) -> Published:
        """Publishes the workspace's changes. Nothing of the agent may be running.

        :raises UnpublishedError: if that is not possible
        :raises TurnError: if the changes cannot even be read
        """
        with failures_as_turn_errors():
            git = self.workspaces.git(workspace)
            if not await run_in_thread(lambda: is_folder(workspace.worktree)):
                raise TurnError("The run's files are gone from the machine that runs the agents. Resume the run.")
            staged = await stage(git, workspace.worktree)
            if staged.tree == await git.text("rev-parse", f"{workspace.head_sha}^{{tree}}"):
                return await self._without_commit(workspace, request, staged.left_out)
            patch = await _patch(git, workspace.head_sha, staged.tree)
        try:
            await _check(git, workspace.head_sha, staged.tree, request.secret_patterns)
            pushed = await _Push(self, workspace, request, git).push(staged.tree)
        except GitError as error:
            raise UnpublishedError(error.sentence, patch) from error
        except UpstreamError as error:
            raise UnpublishedError(sentence_of(error), patch) from error
        except _SecretError as error:
            raise UnpublishedError(error.args[0], patch) from None
        workspace, notes = pushed.workspace, (*pushed.notes, *_left_out_notes(staged.left_out))
        _log.info("run.pushed", run=workspace.run_id, branch=workspace.branch, commit=workspace.head_sha)
        found, is_opened = await self._pull_request(workspace, request)
        return Published(
            commit=workspace.head_sha,
            branch=workspace.branch,
            pull_request=found,
            is_opened=is_opened,
            notes=notes,
            changes=await _counted(git, workspace),
        )

    async def patch(self, workspace: Workspace) -> str:
        """The changes that are not on GitHub, redacted and shortened to `PATCH_LIMIT`; empty if there are none.

        :raises TurnError: if they cannot be read
        """
        with failures_as_turn_errors():
            if not await run_in_thread(lambda: is_folder(workspace.worktree)):
                return ""
            git = self.workspaces.git(workspace)
            staged = await stage(git, workspace.worktree)
            return await _patch(git, workspace.head_sha, staged.tree)

    async def _without_commit(
        self, workspace: Workspace, request: PublishRequest, left_out: Sequence[LeftOut]
    ) -> Published:
        """The result if there are no new changes. Opens the branch's pull request if that failed in an earlier turn."""
        found, is_opened = None, False
        if workspace.pull_request is not None or workspace.pushed_sha is not None:
            found, is_opened = await self._pull_request(workspace, request)
        return Published(
            commit=None,
            branch=workspace.branch,
            pull_request=found,
            is_opened=is_opened,
            notes=_left_out_notes(left_out),
        )

    async def _pull_request(self, workspace: Workspace, request: PublishRequest) -> tuple[PullRequest | None, bool]:
        """The branch's pull request, and whether it was opened now."""
        try:
            if workspace.pull_request is not None:
                return await self.github.pull_request(workspace.repository, workspace.pull_request), False
            found = await self.github.find_pull_request(workspace.repository, workspace.branch)
            if found is None and not request.opens_pull_request:
                return None, False
            is_opened = found is None
            if found is None:
                await self.fence()
                found = await self.github.create_pull_request(
                    workspace.repository,
                    title=request.title,
                    body=pull_request_body(workspace.run_id, request),
                    head=workspace.branch,
                    base=workspace.base_branch,
                )
        except UpstreamError as error:
            _log.warning("pull-request.failed", run=workspace.run_id, reason=str(error))
            raise UnpublishedError(
                f"The changes are on the branch {workspace.branch}, but the pull request could not be opened. "
                f"{_pull_request_advice(error)}",
                branch=workspace.branch,
            ) from error
        await run_in_thread(replace(workspace, pull_request=found.number, pull_request_url=found.url).save)
        return found, is_opened


def _pull_request_advice(error: UpstreamError) -> str:
    match error.kind:
        case ErrorKind.FORBIDDEN | ErrorKind.NOT_FOUND:
            return "Grant the bot's GitHub App or token write access to pull requests, or open it yourself."
        case ErrorKind.INVALID:
            return "GitHub refuses it; open it yourself."
        case _:
            return sentence_of(error)


def pull_request_body(run_id: int, request: PublishRequest) -> str:
    """The description of the bot's pull request: the request, the agent's summary, and the run."""
    summary = cut(inert(request.summary), _BODY_LIMIT)
    asked = cut(inert(request.asked), _BODY_LIMIT)
    run = f"[Run {run_id}]({request.run_url})" if request.run_url else f"Run {run_id}"
    place = f" for #{request.thread}" if request.thread else ""
    person = f", requested by {inline_code(request.co_author.name)}" if request.co_author else ""
    marker = markers.Marker(identity=f"run-{run_id}", command="run", stage=markers.Stage.FINISHED, runs=(run_id,))
    parts = (
        summary,
        folded("What was asked", asked) if asked else "",
        "---",
        f"{run} of the agent {inline_code(request.agent)}{place}{person}.",
        markers.write(marker),
    )
    return "\n\n".join(part for part in parts if part)


class _SecretError(Exception):
    """The sentence is the only argument."""


async def _check(git: Git, base: str, tree: str, patterns: Sequence[str]) -> None:
    """:raises _SecretError: if the change contains a secret, or cannot be searched for one"""
    # --text: an agent could mark files as binary to hide what is in them.
    options = (
        "-r",
        "-p",
        "-U0",
        "--text",
        "--no-prefix",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
    )
    diff = await git.run("diff-tree", *options, base, tree, limit=CHECKED_LIMIT + 1, cuts=True)
    if len(diff) > CHECKED_LIMIT:
        raise _SecretError(
            "Nothing was pushed: the change is over 32 MB, too large to be searched for secrets. Resume the run and "
            "ask for a smaller change."
        )
    found = await run_in_thread(lambda: find_secrets(diff.decode(errors="replace"), patterns))
    if found is not None:
        raise _SecretError(
            f"Nothing was pushed: line {found.line} of {redact(found.path)} looks like a secret. Resume the run and "
            "ask to remove it."
        )


_DIFF = ("-r", "-p", "--no-ext-diff", "--no-textconv", "--no-color")


async def _patch(git: Git, base: str, tree: str) -> str:
    output = await git.run("diff-tree", *_DIFF, base, tree, limit=2 * PATCH_LIMIT, cuts=True)
    text = await run_in_thread(lambda: redact(output.decode(errors="replace")))
    if len(text) <= PATCH_LIMIT:
        return text
    return f"{text[:PATCH_LIMIT].rpartition(chr(10))[0]}\n… the rest is in the run's workspace.\n"


async def _counted(git: Git, workspace: Workspace) -> Changes | None:
    """The changes of the workspace's branch; None if they cannot be counted: nothing depends on them."""
    try:
        return await count_changes(git, workspace.base_sha, workspace.head_sha)
    except GitError as error:
        _log.warning("run.not_counted", run=workspace.run_id, reason=error.sentence)
        return None


def _left_out_notes(left_out: Sequence[LeftOut]) -> tuple[str, ...]:
    notes = [f"Left out: {redact(str(each))}." for each in left_out[:_MOST_NAMES]]
    if len(left_out) > _MOST_NAMES:
        notes.append(f"Left out: {len(left_out) - _MOST_NAMES} more.")
    return tuple(notes)


class _Push:
    """Commits one tree and pushes it: to the run's branch or, if that is not possible, to a new one."""

    def __init__(self, publisher: Publisher, workspace: Workspace, request: PublishRequest, git: Git) -> None:
        self._workspaces = publisher.workspaces
        self._github = publisher.github
        self._fence = publisher.fence
        self._sleep = publisher.sleep
        self._workspace = workspace
        self._request = request
        self._git = git
        self._notes: list[str] = []
        self._is_moved = False

    async def push(self, tree: str) -> _Pushed:
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
        return _Pushed(workspace=workspace, notes=tuple(self._notes))

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
        for number in range(1, _MOST_NAMES + 1):
            branch = name if number == 1 else f"{name}-{number}"
            try:
                pushed = await self._push_to(branch, commit, expected=None)
            except GitError as error:
                if error.problem is not GitProblem.STALE or number == _MOST_NAMES:
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
