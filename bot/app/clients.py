"""What every wiring needs: the clients of both outside worlds, and how fast they go."""

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
    """How fast the bot looks and how it tells the time; the demo and the tests are in more of a hurry.

    :param shortest: seconds between two looks at young runs
    :param longest: the same for old ones
    :param write_gap: seconds between two writes to GitHub in the long run
    :param write_windows: GitHub's limits of writes, as seconds and how many may fall into them; None: GitHub's own
    :param polling_interval: seconds between two looks of the engine at its tables
    :param heartbeat: seconds between two heartbeats of this process
    :param lease: seconds after its last heartbeat for which a process counts as alive
    :param again: seconds until a command that the database cut off is tried again
    :param loop_held: seconds for which a command holds the event loop before that is noted
    :param drain: seconds that what is being done may go on when the server is told to stop
    :param send_patience: seconds that a listener of a live stream has to take what it is sent
    :param missed_first: seconds until missed deliveries are looked for: a balancer in front of the bot has to see first
        that it is up
    :param missed_every: seconds between two looks for them; None: nobody looks
    :param codegen_windows: Codegen's rate limits
    :param outage_patience: seconds for which a command waits while Codegen is away; None: as long as is usual there
    :param text_limit: seconds that a worker may take to prepare one text
    :param text_inline: bytes of a text up to which it is prepared without a worker
    :param config_retry: seconds after which a config is read again that could not be read
    :param config_patience: seconds after which a repository's last good config is used where GitHub has not answered
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
        """Codegen's limits of one token."""
        windows = CODEGEN_WINDOWS if self.codegen_windows is None else self.codegen_windows
        return RateLimits(windows, observer=observer)

    def worker_pool(self) -> WorkerPool:
        """Where long texts are read and prepared; whoever makes it closes it."""
        return WorkerPool(limit=self.text_limit, inline=self.text_inline)

    def budget(self) -> ContentBudget:
        """GitHub's limits of writes of one account."""
        windows = WRITE_WINDOWS if self.write_windows is None else self.write_windows
        return ContentBudget(min_gap=self.write_gap, windows=windows, sleep=self.sleep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Both outside worlds, open.

    :param observer: hears of every call to them
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
    """Opens them.

    :param config_path: of the config file in each repository
    :param config_files: where the last good version of each is kept; None: nowhere but in this process
    :param dry_run: takes the place of both worlds
    :param observer: hears of every call to them
    :param witness: makes of where the watcher sees runs one that shows them to somebody else too
    :param fence: awaited before each request that changes something
    :raises SettingsError: where the App's key cannot sign
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
    """The App where both its settings are given, else the token, else nobody."""
    app_id, key = settings.github_app_id, settings.github_private_key
    if app_id is not None and key is not None:
        return AppAuth(app_id, key.get_secret_value())
    if settings.github_token is not None:
        return TokenAuth(settings.github_token.get_secret_value())
    return NoAuth()
