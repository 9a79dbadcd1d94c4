"""The clients of GitHub and Codegen, and their timing, for every wiring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.codegen.client import Codegen
from bot.codegen.limits import WINDOWS as CODEGEN_WINDOWS
from bot.codegen.limits import RateLimits
from bot.codegen.polling import RunSource, UpstreamRuns
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.dry_run.dry_run import DryRun
from bot.fencing import HEARTBEAT, LEASE, Fence, no_fence
from bot.github.auth import AppAuth, Auth, NoAuth, TokenAuth
from bot.github.client import GitHub
from bot.github.limits import WINDOWS as WRITE_WINDOWS
from bot.github.limits import ContentBudget, Window
from bot.github.session import Session
from bot.github.transport import new_session
from bot.handlers.config_loader import KEPT_WITHOUT_ANSWER, PATH, PATIENCE, ConfigLoader
from bot.handlers.ports import ConfigFiles
from bot.handlers.steady_clock import SteadyClock
from bot.observer import NOBODY, Observer
from bot.offload.pool import INLINE as TEXT_INLINE
from bot.offload.pool import LIMIT as TEXT_LIMIT
from bot.offload.pool import WorkerPool
from bot.settings import Accounts
from bot.stateless.config_files import RememberedConfigFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Poll intervals, timeouts and the clock; shortened by the demo and in tests.

    :param shortest: seconds between two polls of young runs
    :param longest: the same for old ones
    :param write_gap: seconds between two writes to GitHub in the long run
    :param write_windows: GitHub's limits of writes, as seconds and the number of writes in them; None: GitHub's own
    :param polling_interval: seconds between two polls of the engine's tables
    :param heartbeat: seconds between two heartbeats of this process
    :param lease: seconds after its last heartbeat for which a process counts as alive
    :param again: seconds until a command interrupted by a database error is retried
    :param loop_held: seconds for which a command blocks the event loop before that is recorded
    :param drain: seconds that running work may continue when the server stops
    :param send_patience: seconds that a subscriber of a live stream has to accept what it is sent
    :param missed_first: seconds until the first search for missed deliveries: a load balancer in front of the bot has
        to notice first that it is up
    :param missed_every: seconds between two such searches; None: there are none
    :param codegen_windows: Codegen's rate limits
    :param outage_patience: seconds for which a command waits for Codegen during an outage; None: the usual limit
    :param text_limit: seconds that a worker may take to prepare one text
    :param text_inline: bytes of a text up to which it is prepared without a worker
    :param config_retry: seconds after which reading a config is retried
    :param config_patience: seconds without a response from GitHub after which a repository's last valid config is used
    """

    shortest: float = 2.0
    longest: float = 15.0
    write_gap: float = 1.0
    write_windows: Sequence[Window] | None = None
    polling_interval: float = 1.0
    heartbeat: float = HEARTBEAT
    lease: float = LEASE
    again: float = 5.0
    loop_held: float = 5.0
    drain: float = 5.0
    send_patience: float = 20.0
    missed_first: float = 10.0
    missed_every: float | None = 180.0
    codegen_windows: Mapping[str, tuple[int, float]] | None = None
    outage_patience: float | None = None
    text_limit: float = TEXT_LIMIT
    text_inline: int = TEXT_INLINE
    config_patience: float = PATIENCE
    config_retry: float = KEPT_WITHOUT_ANSWER
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: SteadyClock = field(default_factory=SteadyClock.of_machine)
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


@asynccontextmanager
async def clients(
    settings: Accounts,
    timing: Timing,
    *,
    config_path: str = PATH,
    config_files: ConfigFiles | None = None,
    dry_run: DryRun | None = None,
    observer: Observer = NOBODY,
    witness: Callable[[RunSource], RunSource] = lambda source: source,
    fence: Fence = no_fence,
) -> AsyncIterator[Clients]:
    """Opens the clients.

    :param config_path: of the config file in each repository
    :param config_files: stores the last valid version of each; None: in memory only
    :param dry_run: replaces both services
    :param observer: called for every request
    :param witness: wraps the watcher's source of runs, to pass them on to another observer too
    :param fence: awaited before each request that changes something
    :raises SettingsError: if the App's key cannot sign
    """
    auth = auth_of(settings)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(new_http(dry_run.codegen.transport if dry_run else None, fence=fence))
        session: Session = dry_run.github if dry_run else await stack.enter_async_context(new_session(fence=fence))
        codegen = Codegen(
            settings.codegen_api_token.get_secret_value(),
            org_id=settings.codegen_org_id,
            base_url=settings.codegen_api_base_url,
            http=http,
            limits=timing.limits(observer),
            sleep=timing.sleep,
            observer=observer,
        )
        source = witness(UpstreamRuns(codegen))
        watcher = RunWatcher(source, shortest=timing.shortest, longest=timing.longest, sleep=timing.sleep)
        github = GitHub(
            session,
            auth,
            base_url=settings.github_api_url,
            sleep=timing.sleep,
            new_budget=timing.budget,
            observer=observer,
        )
        configs = ConfigLoader(
            github,
            config_files or RememberedConfigFiles(),
            usual_prefix=settings.command_prefix,
            path=config_path,
            now=timing.now,
            patience=timing.config_patience,
            retry=timing.config_retry,
        )
        try:
            yield Clients(codegen=codegen, github=github, watcher=watcher, configs=configs, observer=observer)
        finally:
            await watcher.aclose()
            await configs.aclose()


def is_app(settings: Accounts) -> bool:
    """Whether the bot is a GitHub App."""
    return settings.github_app_id is not None and settings.github_private_key is not None


def auth_of(settings: Accounts) -> Auth:
    """The App if both its settings are given, else the token, else no credential."""
    app_id, key = settings.github_app_id, settings.github_private_key
    if app_id is not None and key is not None:
        return AppAuth(app_id, key.get_secret_value())
    if settings.github_token is not None:
        return TokenAuth(settings.github_token.get_secret_value())
    return NoAuth()
