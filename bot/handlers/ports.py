"""The protocols through which handlers use clients and stores.

`AskCodegen` and `AskGitHub` are operations that may be called directly, because repeating them does no harm. They are
not recorded: a workflow that resumes after a crash calls them again. What must happen only once goes through
`bot.handlers.runs`.

The rest is state kept between commands: by `bot.store` in a database, by `bot.stateless` on GitHub and Codegen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.codegen.client import PullRequestState
from bot.codegen.models import (
    AgentRun,
    CheckSuiteChange,
    CheckSuiteSettings,
    EditedPullRequest,
    Integrations,
    LogPage,
    Organization,
    Repository,
    RunsPage,
    User,
)
from bot.github.models import CheckRun, Label
from bot.store.models import AnswerKind, Quota, QuotaExceeded, Star, Voice


class AskCodegen(Protocol):
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
    async def edit_pull_request(self, pr_id: int, state: PullRequestState) -> EditedPullRequest: ...


class AskGitHub(Protocol):
    """Part of `bot.github.client.GitHub`; each method raises `bot.errors.UpstreamError`."""

    async def labels(self, repository: str, number: int) -> list[Label]: ...
    async def add_labels(self, repository: str, number: int, names: Sequence[str]) -> list[Label]: ...
    async def remove_label(self, repository: str, number: int, name: str) -> None: ...
    async def create_label(self, repository: str, label: Label) -> Label: ...
    async def file(self, repository: str, path: str, *, ref: str | None = None) -> str | None: ...
    async def check_runs(self, repository: str, ref: str) -> list[CheckRun]: ...
    async def job_log(self, repository: str, job_id: int) -> str | None: ...


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

    async def add(
        self, org_id: int, run_id: int, *, threads: Sequence[tuple[str, int]], login: str, at: datetime
    ) -> bool:
        """Stars a run; one that is starred already keeps its first star.

        :returns: whether it was not starred before
        """

    async def which(self, org_id: int, run_ids: Collection[int], *, threads: Sequence[tuple[str, int]]) -> list[int]:
        """Those of the runs that are starred."""

    async def remove(self, org_id: int, run_ids: Collection[int], *, threads: Sequence[tuple[str, int]]) -> list[int]:
        """Removes stars.

        :returns: those of the runs that were starred
        """

    async def all(self, org_id: int, *, repository: str | None) -> list[Star]:
        """All stars, newest first.

        :param repository: the repository in which the list is requested; None: no repository
        """


class Spending(Protocol):
    """The number of agent runs requested today."""

    async def spend(
        self, identity: str, *, login: str, repository: str, number: int, runs: int, at: datetime, limits: Quota
    ) -> QuotaExceeded | None:
        """Counts runs, unless a limit would be exceeded; the same identity is counted once.

        :returns: the limit that was hit; None if the runs are counted
        """


class AnswerLimits(Protocol):
    """Limits how often users without write access are answered."""

    async def claim(
        self, identity: str, *, subject: str, login: str, repository: str, number: int, kind: AnswerKind, at: datetime
    ) -> Voice:
        """How a command may be answered; the same for the same identity.

        :param subject: what is answered once: a comment, or the command itself
        :param number: the thread's
        :raises StoreError: if the database is unavailable
        """


class Confirmations(Protocol):
    """Pending confirmations."""

    async def ask(self, identity: str, *, login: str, repository: str, number: int, at: datetime) -> None:
        """Records that an invocation waits for confirmation; idempotent."""

    async def confirm(self, *, login: str, repository: str, number: int) -> list[str]:
        """Confirms all of the user's pending invocations on a thread, and returns their identities."""

    async def is_confirmed(self, identity: str) -> bool: ...

    async def asked_at(self, identity: str) -> datetime | None:
        """When confirmation was first requested; None if nothing is pending."""

    async def forget(self, identity: str) -> None:
        """Deletes the pending confirmation."""


class ConfigFiles(Protocol):
    """The last valid version of each config file."""

    async def find(self, sources: Collection[str]) -> Mapping[str, str | None]:
        """The stored versions; None for a file that was known to be absent.

        :raises StoreError: if the database is unavailable
        """

    async def keep(self, source: str, text: str | None, *, at: datetime) -> None:
        """Stores a version.

        :raises StoreError: if the database does not accept it
        """
