"""`Services`: what all invocations share, and the protocols through which handlers use it.

`CodegenApi` and `GitHubApi` are operations that may be called directly, because repeating them does no harm. They are
not recorded: a workflow that resumes after a crash calls them again. What must happen only once goes through
`bot.execution.runs`.

The other protocols are state kept between commands: by `bot.storage` in a database, by `bot.execution.on_github` on
GitHub and Codegen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from bot.codegen.models import (
    AgentRun,
    CheckedHead,
    CheckRound,
    CheckSuiteChange,
    CheckSuiteSettings,
    EditedPullRequest,
    Integrations,
    LogPage,
    Organization,
    PullRequestState,
    Repository,
    RunsPage,
    User,
)
from bot.execution.agent_types import KnownAgents
from bot.execution.config_loader import ConfigLoader
from bot.execution.invocation import CommandInvocation
from bot.execution.permissions import AnswerLimits, RecentPermissions
from bot.execution.reply import Reply
from bot.execution.run_marks import ThreadKey
from bot.execution.steps import SteadyClock
from bot.github.models import (
    ChangedFile,
    CheckRun,
    Label,
    LineComment,
    PostedComment,
    PullRequest,
    Review,
    ReviewComment,
)
from bot.storage.models import Quota, QuotaExceeded, Star
from bot.text.offload.pool import WorkerPool

if TYPE_CHECKING:
    # The clients' libraries take a fifth of a second to import, and help or a wrong flag needs none of them.
    from bot.codegen.client import Codegen
    from bot.codegen.polling import PollInterval
    from bot.codegen.watcher import RunWatcher
    from bot.github.client import GitHub


class CodegenApi(Protocol):
    """Part of `bot.codegen.client.Codegen`; each method raises `bot.errors.UpstreamError`."""

    async def run(self, run_id: int) -> AgentRun: ...
    def runs(self, *, user_id: int | None = None, source_type: str | None = None) -> AsyncIterator[AgentRun]: ...
    async def runs_page(
        self, number: int, *, user_id: int | None = None, source_type: str | None = None
    ) -> RunsPage: ...
    async def logs_page(self, run_id: int, *, skip: int = 0, limit: int = 100, reverse: bool = False) -> LogPage: ...
    async def me(self) -> User: ...
    async def user(self, user_id: int) -> User: ...
    async def users(self) -> list[User]: ...
    async def organizations(self) -> list[Organization]: ...
    async def repositories(self) -> list[Repository]: ...
    async def integrations(self) -> Integrations: ...
    async def check_suite_settings(self, repo_id: int) -> CheckSuiteSettings: ...
    async def update_check_suite_settings(self, repo_id: int, change: CheckSuiteChange) -> None: ...
    async def ban_checks(self, run_id: int) -> None: ...
    async def unban_checks(self, run_id: int) -> None: ...
    async def remove_from_pr(self, run_id: int) -> None: ...
    async def cancel_run(self, run_id: int) -> None: ...
    async def checked_head(self, repository: str, number: int, sha: str, *, hint: int | None) -> CheckedHead | None: ...
    async def claim_check_round(
        self, run_id: int, *, sha: str, identity: str, failure: str, is_anew: bool
    ) -> CheckRound: ...
    async def edit_pull_request(self, pr_id: int, state: PullRequestState) -> EditedPullRequest: ...


class GitHubApi(Protocol):
    """Part of `bot.github.client.GitHub`; each method raises `bot.errors.UpstreamError`."""

    def comments(
        self, repository: str, number: int, *, since: datetime | None = None
    ) -> AsyncIterator[PostedComment]: ...
    async def labels(self, repository: str, number: int) -> list[Label]: ...
    async def add_labels(self, repository: str, number: int, names: Sequence[str]) -> list[Label]: ...
    async def remove_label(self, repository: str, number: int, name: str) -> None: ...
    async def create_label(self, repository: str, label: Label) -> Label: ...
    async def file(self, repository: str, path: str, *, ref: str | None = None) -> str | None: ...
    async def check_runs(self, repository: str, ref: str) -> list[CheckRun]: ...
    async def pull_request(self, repository: str, number: int) -> PullRequest: ...
    async def pull_request_files(self, repository: str, number: int, *, most: int) -> list[ChangedFile]: ...
    async def delete_branch(self, repository: str, branch: str) -> None: ...
    async def job_log(self, repository: str, job_id: int) -> str | None: ...
    def reviews(self, repository: str, number: int) -> AsyncIterator[Review]: ...
    def review_comments(self, repository: str, number: int) -> AsyncIterator[ReviewComment]: ...
    async def create_review(
        self, repository: str, number: int, *, commit: str, body: str, comments: Sequence[LineComment]
    ) -> Review: ...
    async def edit_review(self, repository: str, number: int, review_id: int, body: str) -> Review: ...
    async def edit_review_comment(self, repository: str, comment_id: int, body: str) -> None: ...


class ThreadRuns(Protocol):
    """Which agent runs were started or resumed on which thread."""

    async def remember(self, org_id: int, run_id: int, *, repository: str, number: int) -> None:
        """Records that the thread used the run just now; idempotent."""

    async def latest(self, org_id: int, *, repository: str, number: int) -> int | None:
        """The run that the thread used last, from records that only the bot can have written; or None."""

    async def of_thread(self, org_id: int, *, repository: str, number: int) -> list[int]:
        """The thread's runs, the most recently used first; includes records that others may have written."""

    async def used_in(self, org_id: int, run_ids: Collection[int], *, repository: str) -> set[int]:
        """The runs that any thread of the repository has used, by records that only the bot can have written.

        :param repository: in any case
        """


class Stars(Protocol):
    """The team's stars on runs. `threads` are those that show them by the label: repository and number."""

    async def add(self, org_id: int, run_id: int, *, threads: Sequence[ThreadKey], login: str, at: datetime) -> bool:
        """Stars a run; one that is starred already keeps its first star.

        :returns: whether it was not starred before
        """

    async def which(self, org_id: int, run_ids: Collection[int], *, threads: Sequence[ThreadKey]) -> list[int]:
        """Those of the runs that are starred."""

    async def remove(self, org_id: int, run_ids: Collection[int], *, threads: Sequence[ThreadKey]) -> list[int]:
        """Removes stars.

        :returns: those of the runs that were starred
        """

    async def all(self, org_id: int, *, repository: str | None) -> list[Star]:
        """All stars, newest first.

        :param repository: the repository in which the list is requested; None: no repository
        """


class RunQuotas(Protocol):
    """The number of agent runs requested today."""

    async def charge(
        self, identity: str, *, login: str, repository: str, number: int, runs: int, at: datetime, limits: Quota
    ) -> QuotaExceeded | None:
        """Counts runs, unless a limit would be exceeded; the same identity is counted once.

        :returns: the limit that was hit; None if the runs are counted
        """


class Confirmations(Protocol):
    """Pending confirmations."""

    async def ask(self, identity: str, *, login: str, repository: str, number: int, at: datetime) -> None:
        """Records that an invocation waits for confirmation; idempotent."""

    async def confirm(self, *, login: str, repository: str, number: int) -> list[str]:
        """Confirms all of the user's pending invocations on a thread, and returns their identities."""

    async def is_confirmed(self, identity: str) -> bool: ...

    async def requested_at(self, identity: str) -> datetime | None:
        """When confirmation was first requested; None if nothing is pending."""

    async def forget(self, identity: str) -> None:
        """Deletes the pending confirmation."""


async def _no_mark(_org_id: int, _run_id: int, _mark: dict[str, Any]) -> None:
    pass


async def _anywhere(_repository: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One per process.

    :param offload: runs the work on long texts
    :param run_timeout: seconds to wait for a run
    :param progress_interval: the shortest time between two progress edits of one status comment, in seconds
    :param step_refresh: how often a status comment's last steps are refreshed, `PollInterval.longest` being reached by
        doubling; None: only when a run's state changes
    :param may_write: whether the holder of the tokens may write in a repository; with the bot's own GitHub token they
        may do what it may
    :param outage_timeout: seconds for which a command that starts something waits during an outage of Codegen
    :param agents: the agents that a run may name
    :param has_own_agents: whether they are the bot's own
    :param on_reply: called with every state of every reply
    :param add_mark: stores the bot's mark of a run, by its organization and id, that cannot carry it in its metadata
    :param worker: identifies this process on GitHub, if there is no database to record who executes what
    """

    codegen: Codegen
    org_id: int
    github: GitHub
    runs: ThreadRuns
    stars: Stars
    quotas: RunQuotas
    confirmations: Confirmations
    configs: ConfigLoader
    permissions: RecentPermissions
    answer_limits: AnswerLimits
    watcher: RunWatcher
    offload: WorkerPool
    run_timeout: float
    progress_interval: float
    step_refresh: PollInterval | None = None
    agents: KnownAgents = None
    has_own_agents: bool = False
    may_write: Callable[[str], Awaitable[bool]] = _anywhere
    on_reply: Callable[[CommandInvocation, Reply], None] = lambda _invocation, _reply: None
    add_mark: Callable[[int, int, dict[str, Any]], Awaitable[None]] = _no_mark
    worker: str | None = None
    outage_timeout: float = 0.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: SteadyClock = field(default_factory=SteadyClock.of_machine)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def is_job(self) -> bool:
        """Whether agents of one's own work in this workflow's job, and their runs end with it."""
        return self.has_own_agents and self.worker is not None
