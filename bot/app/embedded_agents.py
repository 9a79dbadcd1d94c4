"""Agents of one's own in the process of the bot's server: their API, and the worker.

The bot does not know whose API it calls: it calls this one on a port of loopback, with a token that exists in this
process only.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from aiohttp import web
from pydantic import SecretStr
from sqlalchemy.engine import Engine as Database

from bot.agents.api.access import AgentsApi
from bot.agents.api.application import application, mount
from bot.agents.config import AgentsConfig
from bot.agents.delegated import pass_on, with_codegen
from bot.app.agent_worker import folder_of, working
from bot.app.agents import OWN_LOGIN, SHUTDOWN_TIMEOUT, AgentsBackend, reachable
from bot.app.clients import Clients, Timing
from bot.app.delegation import CodegenAccount, codegen_account, following
from bot.github.client import GitHub
from bot.settings.model import OWN_ORGANIZATION, Settings
from bot.storage.queries import run_in_thread


@dataclass(slots=True)
class EmbeddedAgents:
    """Agents of one's own in the process of the bot's server.

    :param settings: of the bot, whose Codegen is the API of these agents
    :param timing: without Codegen's rate limits
    :param listener: bound: the API's address is known before the API exists, which needs the bot's clients
    :param account: Codegen's, where its agents are used beside one's own
    :param api: while it is served
    """

    backend: AgentsBackend
    settings: Settings
    timing: Timing
    listener: socket.socket
    account: CodegenAccount | None = None
    api: AgentsApi | None = None

    @asynccontextmanager
    async def serving(self, github: GitHub) -> AsyncIterator[None]:
        """Serves the API to the bot's own clients while the context lasts."""
        self.api = (
            self.backend.api(github)
            if self.account is None
            else self.backend.api(github, pass_on=partial(pass_on, self.account.codegen))
        )
        runner = web.AppRunner(
            application(self.api), handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT, access_log=None
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self.listener).start()
            yield
        finally:
            await runner.cleanup()

    @asynccontextmanager
    async def working(self, database: Database, clients: Clients, *, name: str) -> AsyncIterator[None]:
        """Takes turns while the context lasts, unless they are left to other processes.

        :param name: of this process, unique to its start
        :raises SettingsError: if the sandbox cannot be used on this machine
        """
        folder = folder_of(self.settings)
        async with AsyncExitStack() as stack:
            if self.settings.agents_worker:
                await stack.enter_async_context(
                    working(self.backend, database, clients.github, clients.configs, folder=folder, name=name)
                )
            if self.account is not None:
                await stack.enter_async_context(following(self.backend, database, self.account, name=name))
            yield

    def mount(self, application: web.Application) -> None:
        """Adds the API to the public server."""
        assert self.api is not None  # noqa: S101 - it is served
        mount(application, self.api)

    def listens_at(self, url: str) -> None:
        """Makes links to the dashboard lead to this server, unless PUBLIC_URL has another address."""
        if self.settings.public_url is None:
            self.backend.pages.base = reachable(url)


@asynccontextmanager
async def embedded_agents(
    database: Database, config: AgentsConfig, settings: Settings, timing: Timing
) -> AsyncIterator[EmbeddedAgents]:
    """Reserves the API's address and makes the bot's own token. With a Codegen token, Codegen's agents are there too.

    :param database: migrated
    :param settings: of the bot's server, as they were given
    :raises SettingsError: if an agent has the name of one of Codegen's
    """
    config = with_codegen(config) if settings.has_codegen else config
    backend = AgentsBackend.of(database, config, timing, public_url=settings.public_url)
    user = await run_in_thread(partial(backend.users.ensure_user, OWN_LOGIN, at=timing.now()))
    async with AsyncExitStack() as stack:
        account = None
        if settings.has_codegen:
            account = await stack.enter_async_context(codegen_account(settings, timing))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        host, port = listener.getsockname()
        own = {
            "codegen_api_base_url": f"http://{host}:{port}",
            "codegen_api_token": SecretStr(backend.tokens.add_internal(user)),
            "codegen_org_id": OWN_ORGANIZATION,
        }
        yield EmbeddedAgents(
            backend, settings.model_copy(update=own), replace(timing, codegen_windows={}), listener, account
        )
