"""The wiring of the worker that runs agents of one's own: workspaces, sandbox, egress, agents, GitHub."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path

from sqlalchemy.engine import Engine as Database

from bot import log
from bot.agents.command import run_command_turn
from bot.agents.config import Agent, AgentsConfig, SandboxKind
from bot.agents.delegated import TYPES
from bot.agents.egress import Egress
from bot.agents.git import version_problem
from bot.agents.model import TurnError
from bot.agents.preset import Interface
from bot.agents.publishing.model import Identity, account_identity
from bot.agents.publishing.publisher import Publisher
from bot.agents.retention import delete_old_logs
from bot.agents.sandbox import OBJECTS, Sandbox
from bot.agents.sandbox.choice import problem, sandbox_of
from bot.agents.sandbox.installation import installation_of
from bot.agents.session import run_acp_turn
from bot.agents.turn import execute_turn
from bot.agents.turn_services import RunAgent, TurnServices
from bot.agents.worker import Worker
from bot.agents.workspace.sweep import sweep
from bot.agents.workspace.workspaces import Workspaces
from bot.app.agent_metrics import counting, serving_health
from bot.app.agents import OWN_LOGIN, AgentsBackend
from bot.app.clients import Timing, github_client
from bot.engine.membership import new_executor_id
from bot.errors import BotError, SettingsError, UpstreamError, os_reason
from bot.execution.config_files import InMemoryConfigFiles
from bot.execution.config_loader import ConfigLoader
from bot.execution.cost_limits import CostLimits
from bot.execution.run_patterns import patterns_of
from bot.github.client import GitHub
from bot.github.session import new_session
from bot.metrics import Metrics
from bot.observer import NO_OBSERVER
from bot.settings.model import AgentSettings, OwnAgents
from bot.storage.agent_turns import AgentTurns
from bot.storage.migrating import migrated_database
from bot.storage.queries import run_in_thread
from bot.tasks import cancel_and_wait

_log = log.get(__name__)

SWEEP_INTERVAL = 3600.0
"""Seconds between two searches for workspaces that nobody needs any more."""

KEPT = 14 * 24 * 3600.0
"""Seconds after its last use for which a run's workspace is kept, so that the run can be resumed."""


def folder_of(settings: OwnAgents) -> Path:
    """The folder for copies of repositories and the files of runs."""
    return Path(settings.agents_dir).absolute()


async def usable_sandbox(config: AgentsConfig, *, lease: float) -> Sandbox:
    """:param lease: of turns, in seconds
    :raises SettingsError: if it cannot be used on this machine
    """
    if (why := await problem(config.sandbox)) is not None:
        raise SettingsError(f"Agents cannot be sandboxed here, so none is started. {why}")
    try:
        return sandbox_of(config.sandbox, lease=lease)
    except TurnError as error:
        raise SettingsError(error.sentence) from None


@asynccontextmanager
async def working(
    backend: AgentsBackend,
    database: Database,
    github: GitHub,
    configs: ConfigLoader,
    *,
    folder: Path,
    name: str,
    drain: float = 0.0,
) -> AsyncIterator[Worker]:
    """Takes turns while the context lasts.

    :param folder: see `folder_of`
    :param name: of this process, unique to its start
    :param drain: seconds that running turns then have to end, before they are handed over
    :raises SettingsError: if the sandbox cannot be used on this machine
    """
    config, timing = backend.config, backend.timing
    sandbox = await usable_sandbox(config, lease=timing.lease)
    if (why := await version_problem()) is not None:
        raise SettingsError(f"Agents cannot be run here. {why}")
    _report_missing(config)
    await run_in_thread(partial(_make, folder))
    workspaces = Workspaces(
        root=folder,
        github=github,
        objects_inside=None if config.sandbox is SandboxKind.NONE else Path(OBJECTS),
    )

    services = TurnServices(
        config=config,
        store=backend.store,
        costs=backend.costs,
        workspaces=workspaces,
        sandbox=sandbox,
        open_egress=partial(Egress, allowed=config.egress, sandbox=config.sandbox),
        run_agent=_runner,
        installation_of=installation_of,
        publisher=Publisher(workspaces=workspaces, github=github, sleep=timing.sleep),
        own_login=OWN_LOGIN,
        author=partial(_author, github),
        identity=partial(_identity, github),
        thread_title=partial(_thread_title, github),
        secret_patterns=partial(_secret_patterns, configs),
        cost_limits=partial(_cost_limits, configs),
        run_url=backend.pages.url,
        note_incident=backend.note_incident,
        now=timing.now,
    )
    turns = AgentTurns(database, lease=timing.lease, never=_of_codegen(config), limits=config.limits)
    with backend.worker(
        turns,
        partial(execute_turn, services),
        name=name,
        concurrency=config.concurrency,
        note_incident=backend.note_incident,
    ) as worker:
        tasks = [
            asyncio.create_task(worker.run(), name="agents-worker"),
            asyncio.create_task(_sweep(workspaces, worker), name="agents-sweep"),
            asyncio.create_task(workspaces.spares.keep(), name="agents-spares"),
            asyncio.create_task(delete_old_logs(backend.store, now=timing.now), name="agents-retention"),
        ]
        for task in tasks:
            task.add_done_callback(_log_failure)
        try:
            yield worker
            worker.drain(drain)
            await asyncio.wait(tasks[:1])
        finally:
            await cancel_and_wait(*tasks)


@asynccontextmanager
async def working_alone(
    settings: AgentSettings, config: AgentsConfig, *, timing: Timing | None = None
) -> AsyncIterator[Worker]:
    """A worker in a process of its own, for the runs in the database.

    :raises SettingsError: if a setting turns out not to work: the database, the key, the sandbox
    """
    timing = timing or Timing()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(migrated_database(settings.database_url))
        session = await stack.enter_async_context(new_session())
        metrics = None if settings.metrics_port is None else Metrics(commands=())
        github = github_client(session, settings, timing, observer=metrics or NO_OBSERVER)
        configs = ConfigLoader(github, InMemoryConfigFiles(), usual_prefix="/codegen", now=timing.now)
        await stack.enter_async_context(aclosing(configs))
        backend = AgentsBackend.of(database, config, timing, public_url=settings.public_url)
        name = new_executor_id("agents-worker")
        if metrics is not None and settings.metrics_port is not None:

            async def check() -> None:
                await run_in_thread(backend.store.queued_turns)

            await stack.enter_async_context(counting(metrics, backend))
            await stack.enter_async_context(serving_health(metrics, check, settings.host, settings.metrics_port))
        yield await stack.enter_async_context(
            working(backend, database, github, configs, folder=folder_of(settings), name=name, drain=config.drain)
        )


def _report_missing(config: AgentsConfig) -> None:
    """Each run of such an agent fails; it can be installed while the others work."""
    for agent in config.agents.values():
        if not agent.is_delegated and shutil.which(agent.program) is None:
            fix = agent.preset.install or "Correct the agents file."
            _log.warning("agent.not_installed", agent=agent.name, program=agent.program, fix=fix)


def _of_codegen(config: AgentsConfig) -> set[str]:
    """The names whose turns another process hands on to Codegen (`bot.app.delegation`)."""
    return {name for name in TYPES if name not in config.agents or config.agents[name].is_delegated}


def _make(folder: Path) -> None:
    """:raises SettingsError: if it cannot be written"""
    try:
        # Private code of all repositories is there.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"AGENTS_DIR names the folder {folder}, which cannot be written: {os_reason(error)}."
        ) from None


def _runner(agent: Agent) -> RunAgent:
    return run_acp_turn if agent.preset.interface is Interface.ACP else run_command_turn


async def _author(github: GitHub, repository: str) -> Identity:
    """The bot's own account."""
    return await _identity(github, repository, (await github.me()).login)


async def _identity(github: GitHub, repository: str, login: str) -> Identity:
    """An account as the author of a commit; without its number if GitHub does not say."""
    try:
        user = await github.user(repository, login)
    except UpstreamError as error:
        _log.info("user.unreadable", login=login, reason=str(error))
        user = None
    return account_identity(login if user is None else user.login, None if user is None else user.id)


async def _thread_title(github: GitHub, repository: str, number: int) -> str:
    return (await github.thread(repository, number)).title


async def _secret_patterns(configs: ConfigLoader, repository: str) -> tuple[str, ...]:
    return patterns_of(await configs.load(repository))


async def _cost_limits(configs: ConfigLoader, repository: str) -> CostLimits:
    return CostLimits.of((await configs.load(repository)).config.budgets)


async def _sweep(workspaces: Workspaces, worker: Worker) -> None:
    """Deletes workspaces that were not used for a long time, for ever."""
    while True:
        try:
            await sweep(workspaces, older_than=KEPT, keep=worker.runs)
        except (OSError, BotError) as error:
            _log.warning("workspaces.not_swept", reason=str(error))
        await asyncio.sleep(SWEEP_INTERVAL)


def _log_failure(task: asyncio.Task[None]) -> None:
    """A worker that ends by itself has a bug: the server goes on, and its log says so."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("worker.failed", task=task.get_name(), exc_info=error)
