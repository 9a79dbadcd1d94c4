"""The wiring of the entry points that host nothing: clients and an inline executor, no engine and no database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from bot.app.clients import OWN_BACKEND, Clients, Timing, github_client, is_app, open_clients
from bot.codegen.limits import WINDOWS as CODEGEN_WINDOWS
from bot.commands.labels import label_of
from bot.execution.agent_types import known_at
from bot.execution.config_files import InMemoryConfigFiles
from bot.execution.config_loader import PATH, ConfigLoader
from bot.execution.invocation import CommandInvocation
from bot.execution.on_github.inline_executor import InlineExecutor
from bot.execution.on_github.marked_replies import MarkedAnswers, MarkedConfirmations, MarkedRuns
from bot.execution.on_github.quotas import MarkedQuotas
from bot.execution.on_github.stars import LabelledStars
from bot.execution.permissions import RecentPermissions
from bot.execution.reply import Reply
from bot.execution.repository_config.model import LabelRole, RepositoryConfig
from bot.execution.services import Services
from bot.github.session import new_session
from bot.observer import NO_OBSERVER, Observer
from bot.settings.model import Accounts, GitHubAccount
from bot.text.offload.pool import WorkerPool

OUTAGE_TIMEOUT = 600.0
"""Seconds for which a command waits during an outage of Codegen: a job's minutes are paid for, and a person waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """Open clients, and the executor that runs commands with them.

    :param offload: in which long texts are read and prepared
    :param has_github_account: whether GitHub is asked with a token or as an App
    """

    clients: Clients
    offload: WorkerPool
    inline_executor: InlineExecutor
    timing: Timing
    has_github_account: bool


@asynccontextmanager
async def directly(
    settings: Accounts,
    *,
    timing: Timing | None = None,
    config_path: str | None = None,
    on_reply: Callable[[CommandInvocation, Reply], None] = lambda _invocation, _reply: None,
    worker: str | None = None,
    retries: bool = False,
    own_agents: Sequence[str] | None = None,
    dry_run: Callable[[str], None] | None = None,
    observer: Observer = NO_OBSERVER,
) -> AsyncIterator[Direct]:
    """Opens the clients and an inline executor.

    :param config_path: of the config file in the repository; None: the default
    :param on_reply: called with every state of every reply
    :param worker: names this process on GitHub
    :param retries: whether this is a deliberate repetition
    :param own_agents: the names of the agents of one's own that work in this process; None: there are none
    :param dry_run: called with a description of every write that would be made; None: the writes are made
    :param observer: called for every request
    :raises SettingsError: if the App's key cannot sign
    """
    timing = timing or Timing()
    recorder = None
    if dry_run is not None:
        from bot.app.dry_run import Recorder  # noqa: PLC0415 - rarely needed

        recorder = Recorder(dry_run, secrets=_tokens(settings))
        # No limit of writes applies where none is sent, and recorded runs are complete at once.
        reads = {name: CODEGEN_WINDOWS[name] for name in ("read", "logs")}
        timing = replace(
            timing,
            run_poll_interval=replace(timing.run_poll_interval, shortest=0.0),
            write_gap=0.0,
            write_windows=(),
            codegen_windows=reads,
        )
    agents = known_at(settings.codegen_api_base_url) if own_agents is None else tuple(own_agents)
    async with (
        aclosing(timing.worker_pool()) as offload,
        open_clients(
            settings,
            timing,
            agents=agents,
            config_path=config_path or PATH,
            dry_run=recorder,
            observer=observer,
            has_few_requests=True,
            backend="" if own_agents is None else OWN_BACKEND,
        ) as clients,
    ):
        services = Services(
            codegen=clients.codegen,
            org_id=settings.codegen_org_id,
            github=clients.github,
            configs=clients.configs,
            permissions=RecentPermissions(clients.github.permission, sleep=timing.sleep),
            answer_limits=MarkedAnswers(clients.github),
            runs=MarkedRuns(clients.github),
            stars=LabelledStars(clients.github, clients.codegen, clients.configs),
            quotas=MarkedQuotas(clients.codegen, clients.github),
            confirmations=_Confirmed(clients.github) if recorder else MarkedConfirmations(clients.github),
            watcher=clients.watcher,
            offload=offload,
            agents=agents,
            has_own_agents=own_agents is not None,
            run_timeout=settings.run_timeout_minutes * 60,
            progress_interval=settings.progress_interval_seconds,
            step_refresh=timing.step_refresh,
            on_reply=on_reply,
            worker=worker,
            outage_timeout=OUTAGE_TIMEOUT if timing.outage_timeout is None else timing.outage_timeout,
            now=timing.now,
            clock=timing.clock,
            sleep=timing.sleep,
        )
        inline_executor = InlineExecutor(services, retries=retries)
        yield Direct(
            clients=clients,
            offload=offload,
            inline_executor=inline_executor,
            timing=timing,
            has_github_account=settings.github_token is not None or is_app(settings),
        )


async def sync_labels(account: GitHubAccount, repository: str) -> list[str]:
    """Creates the bot's labels that a repository lacks; existing ones stay as they are.

    :param repository: ``owner/name``
    :returns: the names of all of them
    :raises UpstreamError: if GitHub refuses
    """
    async with new_session(has_few_requests=True) as session:
        github = github_client(session, account, Timing(), observer=NO_OBSERVER)
        async with aclosing(
            ConfigLoader(github, InMemoryConfigFiles(), usual_prefix=RepositoryConfig().prefix)
        ) as configs:
            labels = [label_of(role, (await configs.load(repository)).labels()) for role in LabelRole]
        return [(await github.create_label(repository, label)).name for label in labels]


def _tokens(settings: Accounts) -> list[str]:
    given = (settings.codegen_api_token, settings.github_token)
    return [token.get_secret_value() for token in given if token is not None]


class _Confirmed(MarkedConfirmations):
    """For a dry run: its question is not posted, so it cannot be answered."""

    async def is_confirmed(self, identity: str) -> bool:  # noqa: ARG002 - as above
        return True
