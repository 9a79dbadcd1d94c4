"""Publishes a workspace's changes, from the files to the pull request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot import log
from bot.agents.changes import LeftOut, count_changes, stage
from bot.agents.git import Git, GitError
from bot.agents.model import TurnError
from bot.agents.publishing.diffs import SecretError, check_for_secrets, patch_of
from bot.agents.publishing.model import Published, PublishRequest, PullRequestHost, UnpublishedError
from bot.agents.publishing.pull_request import find_or_open
from bot.agents.publishing.push import Push
from bot.agents.workspace.failures import failures_as_turn_errors, sentence_of
from bot.agents.workspace.folders import is_folder
from bot.agents.workspace.model import Workspace
from bot.agents.workspace.workspaces import Workspaces
from bot.errors import UpstreamError
from bot.storage.agent_models import Changes
from bot.storage.queries import run_in_thread
from bot.text.untrusted import redact
from bot.upstream import Fence, no_fence

_log = log.get(__name__)

_MOST_NAMES = 5
"""Paths that are named as left out."""


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
            patch = await patch_of(git, workspace.head_sha, staged.tree)
        try:
            await check_for_secrets(git, workspace.head_sha, staged.tree, request.secret_patterns)
            push = Push(self.workspaces, workspace, request, github=self.github, fence=self.fence, sleep=self.sleep)
            pushed = await push.push(staged.tree)
        except GitError as error:
            raise UnpublishedError(error.sentence, patch) from error
        except UpstreamError as error:
            raise UnpublishedError(sentence_of(error), patch) from error
        except SecretError as error:
            raise UnpublishedError(error.args[0], patch) from None
        workspace, notes = pushed.workspace, (*pushed.notes, *_left_out_notes(staged.left_out))
        _log.info("run.pushed", run=workspace.run_id, branch=workspace.branch, commit=workspace.head_sha)
        found, is_opened = await find_or_open(self.github, self.fence, workspace, request)
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
            return await patch_of(git, workspace.head_sha, staged.tree)

    async def _without_commit(
        self, workspace: Workspace, request: PublishRequest, left_out: Sequence[LeftOut]
    ) -> Published:
        """The result if there are no new changes. Opens the branch's pull request if that failed in an earlier turn."""
        found, is_opened = None, False
        if workspace.pull_request is not None or workspace.pushed_sha is not None:
            found, is_opened = await find_or_open(self.github, self.fence, workspace, request)
        return Published(
            commit=None,
            branch=workspace.branch,
            pull_request=found,
            is_opened=is_opened,
            notes=_left_out_notes(left_out),
        )


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
