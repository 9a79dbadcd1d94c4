"""The wiring of the API of agents of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from sqlalchemy.engine import Engine as Database

from bot import log
from bot.agents.api.access import AgentsApi, PassOn, nowhere
from bot.agents.api.application import mount
from bot.agents.api.github import KnownRepositories
from bot.agents.config import AgentsConfig
from bot.agents.model import Incident, NoteIncident, ignore_incident
from bot.agents.tokens import Tokens, create_token
from bot.agents.worker import ExecuteTurn, Worker
from bot.app.clients import Timing, github_client
from bot.errors import SettingsError
from bot.github.client import GitHub
from bot.github.session import new_session
from bot.observer import NO_OBSERVER
from bot.settings.model import OWN_ORGANIZATION, AgentSettings, OwnAgents
from bot.storage.agent_checks import AgentChecks
from bot.storage.agent_costs import AgentCosts
from bot.storage.agent_turns import AgentTurns, TakenTurn, TurnEnd
from bot.storage.agent_users import AgentToken, AgentUsers
from bot.storage.agents import AgentStore
from bot.storage.database import database_name, open_engine
from bot.storage.migrating import migrate, migrated_database
from bot.storage.queries import run_in_thread
from bot.web.listening import listening
from bot.web.problems import add_request_id, answer_problems, assign_request_id
from bot.web.server import health_routes

_log = log.get(__name__)

OWN_LOGIN = "codegen-bot"
"""The user that the bot's own clients are; the bot's mark in a run says for whom it was started."""

SHUTDOWN_TIMEOUT = 5.0
"""Seconds that requests in progress have to finish."""


@dataclass(slots=True)
class RunPages:
    """The addresses of runs' pages on the dashboard.

    :param base: of the server; None until it is known, and where there is no dashboard
    :param api: of the API alone, where there is no dashboard: a run's document has an address too
    """

    base: str | None = None
    api: str | None = None

    def url(self, run_id: int) -> str | None:
        if self.base is not None:
            return f"{self.base}/#/runs/{run_id}"
        return None if self.api is None else f"{self.api}/v1/organizations/{OWN_ORGANIZATION}/agent/run/{run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsBackend:
    """What the API and the worker share in one process.

    :param on_turn: called when there is a new turn, or one is to be stopped
    :param on_end: called when a worker of this process has ended a turn
    :param on_incident: called with an agent's name and what happened to its turn
    """

    config: AgentsConfig
    store: AgentStore
    costs: AgentCosts
    checks: AgentChecks
    users: AgentUsers
    tokens: Tokens
    pages: RunPages
    timing: Timing
    on_turn: list[Callable[[], None]] = field(default_factory=list)
    on_end: list[Callable[[TakenTurn, TurnEnd], None]] = field(default_factory=list)
    on_incident: list[NoteIncident] = field(default_factory=list)

    @classmethod
    def of(cls, database: Database, config: AgentsConfig, timing: Timing, *, public_url: str | None) -> AgentsBackend:
        """:param database: migrated"""
        users = AgentUsers(database)
        return cls(
            config=config,
            store=AgentStore(database),
            costs=AgentCosts(database),
            checks=AgentChecks(database),
            users=users,
            tokens=Tokens(users),
            pages=RunPages(public_url),
            timing=timing,
        )

    def api(self, github: GitHub, *, pass_on: PassOn = nowhere) -> AgentsApi:
        """:param pass_on: passes flags on to Codegen"""
        return AgentsApi(
            store=self.store,
            costs=self.costs,
            checks=self.checks,
            users=self.users,
            tokens=self.tokens,
            config=self.config,
            github=github,
            repositories=KnownRepositories(github),
            now=self.timing.now,
            web_url=self.pages.url,
            on_turn=self._announce,
            pass_on=pass_on,
            own_login=OWN_LOGIN,
        )

    @contextmanager
    def worker(
        self,
        turns: AgentTurns,
        execute: ExecuteTurn,
        *,
        name: str,
        concurrency: int,
        note_incident: NoteIncident = ignore_incident,
    ) -> Iterator[Worker]:
        """A worker, which new turns wake while the context lasts.

        :param name: of this process, unique to its start
        """
        timing = self.timing
        worker = Worker(
            turns,
            execute,
            name=name,
            concurrency=concurrency,
            poll_interval=timing.polling_interval,
            period=timing.heartbeat,
            lease=timing.lease,
            sleep=timing.sleep,
            now=timing.now,
            on_end=self._ended,
            note_incident=note_incident,
        )
        self.on_turn.append(worker.wake)
        try:
            yield worker
        finally:
            self.on_turn.remove(worker.wake)

    def note_incident(self, agent: str, incident: Incident) -> None:
        """Reports what happened in a turn of this process."""
        for each in self.on_incident:
            each(agent, incident)

    def _ended(self, turn: TakenTurn, end: TurnEnd) -> None:
        """Reports a turn that a worker of this process has ended."""
        for each in self.on_end:
            each(turn, end)

    def _announce(self) -> None:
        for each in self.on_turn:
            each()


def reachable(url: str) -> str:
    """The address of a server for this machine, if it listens on all of them."""
    return url.replace("//0.0.0.0:", "//localhost:")


def new_token(settings: OwnAgents, login: str) -> str:
    """Makes a token for the owner of a GitHub account. Blocking.

    :raises SettingsError: if the database cannot be used
    :raises UserError: if it is not a login
    """
    with _users(settings) as users:
        return create_token(users, login, now=lambda: datetime.now(UTC))


def tokens_of(settings: OwnAgents) -> Sequence[AgentToken]:
    """All tokens, the oldest first; of each only its hash is known. Blocking.

    :raises SettingsError: if the database cannot be used
    """
    with _users(settings) as users:
        return users.tokens()


def revoke_tokens(settings: OwnAgents, login: str) -> int:
    """Deletes the tokens of the owner of a GitHub account; they are refused from now on. Blocking.

    :returns: how many there were
    :raises SettingsError: if the database cannot be used
    """
    with _users(settings) as users:
        return users.revoke_tokens(login)


@contextmanager
def _users(settings: OwnAgents) -> Iterator[AgentUsers]:
    """:raises SettingsError: if the database cannot be used, or if the default one does not exist: in a folder other
    than the server's, a new one would get the token, and the server would not know it
    """
    name = database_name(settings.database_url)
    if "database_url" not in settings.model_fields_set and not Path(name).exists():
        raise SettingsError(
            f"The database {name} does not exist; a server creates it at its first start. Next: run this command in "
            "the server's folder, or with the server's DATABASE_URL."
        )
    database = open_engine(settings.database_url)
    try:
        migrate(database)
        yield AgentUsers(database)
    finally:
        database.dispose()


# In a process of its own


@asynccontextmanager
async def serving_agents(
    settings: AgentSettings, config: AgentsConfig, *, timing: Timing | None = None
) -> AsyncIterator[str]:
    """Serves the API alone; the turns are for workers on the same database.

    :returns: its address, with the actual port
    :raises SettingsError: if a setting turns out not to work: the database, the key, the port
    """
    timing = timing or Timing()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(migrated_database(settings.database_url))
        session = await stack.enter_async_context(new_session())
        github = github_client(session, settings, timing, observer=NO_OBSERVER)
        backend = AgentsBackend.of(database, config, timing, public_url=settings.public_url)

        async def check() -> None:
            await run_in_thread(backend.store.queued_turns)

        served = web.Application(middlewares=[assign_request_id, answer_problems])
        served.on_response_prepare.append(add_request_id)
        served.add_routes(health_routes(check))
        mount(served, backend.api(github))
        url = await stack.enter_async_context(
            listening(
                served,
                settings.host,
                settings.port,
                named=f"HOST and PORT: {settings.host}:{settings.port}",
                shutdown_timeout=SHUTDOWN_TIMEOUT,
            )
        )
        backend.pages.api = reachable(url)
        _log.info("agents.listening", host=settings.host, port=int(url.rpartition(":")[2]))
        yield url
