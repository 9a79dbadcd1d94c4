"""The clients of GitHub and Codegen, and their timing, for every wiring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.codegen.client import Codegen
from bot.codegen.limits import WINDOWS as CODEGEN_WINDOWS
from bot.codegen.limits import RateLimits
from bot.codegen.polling import DEFAULT_INTERVAL, FOLLOW_INTERVAL, PollInterval, RunSource, UpstreamRuns
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.errors import Service
from bot.execution.agent_types import KnownAgents
from bot.execution.config_files import ConfigFiles, InMemoryConfigFiles
from bot.execution.config_loader import ANSWER_TIMEOUT, CACHE_TTL, PATH, UNREADABLE_TTL, ConfigLoader
from bot.execution.steps import SteadyClock
from bot.github.auth import AppAuth, Auth, TokenAuth
from bot.github.client import GitHub
from bot.github.limits import WINDOWS as WRITE_WINDOWS
from bot.github.limits import ContentBudget, Window
from bot.github.session import Session, new_session
from bot.observer import NO_OBSERVER, Observer
from bot.settings.model import Accounts, GitHubAccount
from bot.text.offload.pool import INLINE as TEXT_INLINE
from bot.text.offload.pool import LIMIT as TEXT_LIMIT
from bot.text.offload.pool import WorkerPool
from bot.upstream import HEARTBEAT, LEASE, Fence, no_fence

if TYPE_CHECKING:
    from bot.app.dry_run import Recorder


STEP_REFRESH = PollInterval(20.0, 300.0)
"""Seconds; doubled each time: a run of ten minutes has five such edits of its status comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Poll intervals, timeouts and the clock; shortened by the demo and in tests.

    :param run_poll_interval: between two polls of runs
    :param write_gap: seconds between two writes to GitHub in the long run
    :param write_windows: GitHub's limits of writes, as seconds and the number of writes in them; None: GitHub's own
    :param step_refresh: see `bot.execution.services.Services`
    :param polling_interval: seconds between two polls of the engine's tables
    :param heartbeat: seconds between two heartbeats of this process
    :param lease: seconds after its last heartbeat for which a process counts as alive
    :param retry_delay: seconds until a command interrupted by a database error is retried
    :param loop_blocked: seconds for which a command blocks the event loop before that is recorded
    :param credentials_at_start: whether the server checks at start that GitHub and Codegen accept its credentials
    :param credentials_timeout: seconds that this check may take
    :param credentials_interval: seconds between two checks of a refused credential
    :param follow_interval: seconds between two looks at runs that no command waits for
    :param drain: seconds that running work may continue when the server stops
    :param send_timeout: seconds that a subscriber of a live stream has to accept what it is sent
    :param missed_first: seconds until the first search for missed deliveries: a load balancer in front of the bot has
        to notice first that it is up
    :param missed_every: seconds between two such searches; None: there are none
    :param codegen_windows: Codegen's rate limits
    :param outage_timeout: seconds for which a command waits for Codegen during an outage; None: the usual limit
    :param text_limit: seconds that a worker may take to prepare one text
    :param text_inline: bytes of a text up to which it is prepared without a worker
    :param config_retry: seconds after which reading a config is retried
    :param config_ttl: seconds for which a config that was read is used
    :param config_timeout: seconds without a response from GitHub after which a repository's last valid config is used
    :param cache_clock: by which the HTTP API's caches expire, in seconds
    """

    run_poll_interval: PollInterval = DEFAULT_INTERVAL
    write_gap: float = 1.0
    write_windows: Sequence[Window] | None = None
    step_refresh: PollInterval | None = STEP_REFRESH
    polling_interval: float = 1.0
    heartbeat: float = HEARTBEAT
    lease: float = LEASE
    retry_delay: float = 5.0
    loop_blocked: float = 5.0
    credentials_at_start: bool = True
    credentials_timeout: float = 5.0
    credentials_interval: float = 30.0
    follow_interval: float = FOLLOW_INTERVAL
    drain: float = 5.0
    send_timeout: float = 20.0
    missed_first: float = 10.0
    missed_every: float | None = 180.0
    codegen_windows: Mapping[str, tuple[int, float]] | None = None
    outage_timeout: float | None = None
    text_limit: float = TEXT_LIMIT
    text_inline: int = TEXT_INLINE
    config_timeout: float = ANSWER_TIMEOUT
    config_retry: float = UNREADABLE_TTL
    config_ttl: float = CACHE_TTL
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: SteadyClock = field(default_factory=SteadyClock.of_machine)
    cache_clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def limits(self, observer: Observer) -> RateLimits:
        """Codegen's rate limits for one token."""
        windows = CODEGEN_WINDOWS if self.codegen_windows is None else self.codegen_windows
        return RateLimits(windows, observer=observer)

    def worker_pool(self) -> WorkerPool:
        """The pool in which long texts are read and prepared; the caller closes it."""
        return WorkerPool(limit=self.text_limit, inline=self.text_inline)

    def budget(self) -> ContentBudget:
        """GitHub's limits of writes for one account."""
        windows = WRITE_WINDOWS if self.write_windows is None else self.write_windows
        return ContentBudget(min_gap=self.write_gap, windows=windows, sleep=self.sleep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Open clients of Codegen and GitHub.

    :param observer: called for every request
    """

    codegen: Codegen
    github: GitHub
    watcher: RunWatcher
    configs: ConfigLoader
    observer: Observer


OWN_BACKEND = "codegen-bot"
"""What errors call the API of agents of one's own: nobody there knows Codegen."""


@asynccontextmanager
async def open_clients(
    settings: Accounts,
    timing: Timing,
    *,
    agents: KnownAgents = None,
    config_path: str = PATH,
    config_files: ConfigFiles | None = None,
    dry_run: Recorder | None = None,
    observer: Observer = NO_OBSERVER,
    wrap_source: Callable[[RunSource], RunSource] = lambda source: source,
    fence: Fence = no_fence,
    on_response: Callable[[Service, Mapping[str, str]], None] | None = None,
    has_few_requests: bool = False,
    backend: str = "",
) -> AsyncIterator[Clients]:
    """Opens the clients.

    :param agents: the agents that a run may name
    :param config_path: of the config file in each repository
    :param config_files: stores the last valid version of each; None: in memory only
    :param dry_run: records what would be written, instead of sending it
    :param observer: called for every request
    :param wrap_source: wraps the watcher's source of runs, to pass them on to another observer too
    :param fence: awaited before each request that changes something
    :param on_response: called with the headers of each response
    :param has_few_requests: whether the process ends after a few requests
    :param backend: what errors call the API that takes Codegen's place
    :raises SettingsError: if the App's key cannot sign
    """
    async with AsyncExitStack() as stack:
        codegens, githubs = (on_response and partial(on_response, service) for service in Service)
        http = await stack.enter_async_context(new_http(fence=fence, on_response=codegens))
        session: Session = await stack.enter_async_context(
            new_session(fence=fence, on_response=githubs, has_few_requests=has_few_requests)
        )
        if dry_run is not None:
            from bot.app.dry_run import RecordingSession, RecordingTransport  # noqa: PLC0415 - rarely needed

            recording = RecordingTransport(http, dry_run, now=timing.now)
            http = await stack.enter_async_context(new_http(recording))
            session = RecordingSession(session, dry_run, now=timing.now)
        codegen = Codegen(
            settings.codegen_api_token.get_secret_value(),
            org_id=settings.codegen_org_id,
            base_url=settings.codegen_api_base_url,
            http=http,
            limits=timing.limits(observer),
            sleep=timing.sleep,
            observer=observer,
            name=backend,
        )
        source = wrap_source(UpstreamRuns(codegen))
        watcher = RunWatcher(source, interval=timing.run_poll_interval, sleep=timing.sleep)
        github = github_client(session, settings, timing, observer=observer)
        configs = ConfigLoader(
            github,
            config_files or InMemoryConfigFiles(),
            usual_prefix=settings.command_prefix,
            agents=agents,
            path=config_path,
            now=timing.now,
            timeout=timing.config_timeout,
            retry=timing.config_retry,
            ttl=timing.config_ttl,
        )
        try:
            yield Clients(codegen=codegen, github=github, watcher=watcher, configs=configs, observer=observer)
        finally:
            await watcher.aclose()
            await configs.aclose()


def github_client(session: Session, account: GitHubAccount, timing: Timing, *, observer: Observer) -> GitHub:
    """:raises SettingsError: if the App's key cannot sign"""
    return GitHub(
        session,
        auth_of(account),
        base_url=account.github_api_url,
        sleep=timing.sleep,
        new_budget=timing.budget,
        observer=observer,
    )


def is_app(settings: GitHubAccount) -> bool:
    """Whether the bot is a GitHub App."""
    return settings.github_app_id is not None and settings.github_private_key is not None


def auth_of(settings: GitHubAccount) -> Auth:
    """The App if both its settings are given, else the token, else no credential."""
    app_id, key = settings.github_app_id, settings.github_private_key
    if app_id is not None and key is not None:
        return AppAuth(app_id, key.get_secret_value())
    if settings.github_token is not None:
        return TokenAuth(settings.github_token.get_secret_value())
    return Auth()
