"""Serves the set-up pages, on the user's own machine or on a server that has no App yet.

On the user's machine the port is open to its other users and to any page in the user's browser: so the pages are at an
unguessable path, which only the terminal shows. A public server asks for a token, which only its log shows.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from bot import log
from bot.cli.setup import pages
from bot.cli.setup.flow import CreatedApp, ManifestFlow
from bot.cli.setup.plan import GITHUB, Plan, plan
from bot.errors import SettingsError, UserError
from bot.web.bodies import TIMEOUT, guard_bodies
from bot.web.listening import listening
from bot.web.problems import answer_problems

_log = log.get(__name__)

PUBLIC_PATH = "/setup"

LOOPBACK = "127.0.0.1"

SHUTDOWN_TIMEOUT = 5.0
"""Seconds for delivering the last page."""

Store = Callable[[CreatedApp], Awaitable[list[str]]]
"""Stores the created App and returns what is left to do, or raises `SettingsError` if it cannot."""


class SetupServer:
    """One set-up, until an App has been created: then `done` is set.

    :param wanted: the requested App, on the user's machine; None: whoever has the token requests one
    :param check: raises `SettingsError` if an App of the GitHub with this API URL could not be stored
    """

    def __init__(
        self, *, store: Store, wanted: Plan | None = None, check: Callable[[str], Awaitable[None]] | None = None
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._check = check
        self._flow = ManifestFlow()
        self._path = PUBLIC_PATH if wanted is None else f"/{secrets.token_urlsafe(16)}"
        self._url = ""
        self.token = secrets.token_urlsafe(24)
        self.done = asyncio.Event()

    @asynccontextmanager
    async def serving(self, host: str = LOOPBACK, port: int = 0, *, setting: str = "--port") -> AsyncIterator[str]:
        """Serves the pages while the context lasts.

        :param port: 0 for a free one
        :param setting: what defines the address, for the error message
        :returns: the URL of the first page
        :raises SettingsError: if the address cannot be bound
        """
        application = web.Application(client_max_size=64 * 1024, middlewares=[answer_problems, guard_bodies])
        application.add_routes([web.get(f"{self._path}/created", self._finish)])
        if self._wanted is not None:
            application.add_routes([web.get(self._path, self._offer_wanted)])
        else:
            application.add_routes([web.get(self._path, self._ask), web.post(self._path, self._offer_requested)])
            application.add_routes([web.get("/healthz", _healthy)])
        application.add_routes([web.route("*", "/{tail:.*}", self._nothing)])
        async with listening(application, host, port, named=setting, shutdown_timeout=SHUTDOWN_TIMEOUT) as address:
            self._url = f"{address}{self._path}"
            yield self._url

    async def _offer_wanted(self, _request: web.Request) -> web.Response:
        assert self._wanted is not None  # noqa: S101 - else there is no such route
        return pages.manifest_page(self._flow.form(self._wanted, redirect_url=f"{self._url}/created"))

    async def _ask(self, request: web.Request) -> web.Response:
        # A proxy before the server may terminate TLS; what its headers omit, the user fills in.
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
        return pages.plan_page({"url": f"{scheme}://{request.host}"}, action=self._path)

    async def _offer_requested(self, request: web.Request) -> web.Response:
        """Returns the form for GitHub if the token is right."""
        try:
            async with asyncio.timeout(TIMEOUT):
                given = {name: str(value) for name, value in (await request.post()).items()}
        except TimeoutError:
            status = HTTPStatus.REQUEST_TIMEOUT
            return pages.refusal_page("The form did not arrive in time.", status=status, restart=self._path)
        try:
            self._check_token(given.get("token", "").strip(), request)
            wanted = plan(
                url=given.get("url", ""),
                organization=given.get("organization", ""),
                name=given.get("name", ""),
                github=given.get("github", "") or GITHUB,
                own_agents="own_agents" in given,
            )
            if self._check is not None:
                await self._check(wanted.host.api)
        except SettingsError as error:
            return pages.plan_page(given, action=self._path, problem=str(error))
        return pages.manifest_page(self._flow.form(wanted, redirect_url=f"{wanted.url}{self._path}/created"))

    def _check_token(self, token: str, request: web.Request) -> None:
        """:raises SettingsError: if it is not the token shown at the start"""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            _log.warning("setup.refused", peer=request.remote)
            raise SettingsError("Wrong token. The server's terminal or log showed it at the start.")

    async def _finish(self, request: web.Request) -> web.Response:
        """Handles GitHub's redirect. Only a user who got a form here has a valid state."""
        query = request.query
        try:
            created = await self._flow.finish(code=query.get("code", ""), state=query.get("state", ""))
        except UserError as error:
            return pages.refusal_page(error.text, restart=self._path)
        name = created.app.name
        try:
            steps = await self._store(created)
        except SettingsError as error:
            return pages.refusal_page(f"{error} The App {name} is lost: delete it on GitHub, and restart the server.")
        _log.info("setup.done", app=created.app.id)
        self.done.set()
        return pages.done_page(name, steps)

    async def _nothing(self, _request: web.Request) -> web.Response:
        """On a server 503, so that GitHub shows deliveries as failed and they can be redelivered."""
        if self._wanted is not None:
            return pages.closed_page("Not found. The terminal shows the URL.", status=HTTPStatus.NOT_FOUND)
        sentence = "This bot is not set up yet. Its terminal or log says how to do that."
        return pages.closed_page(sentence, status=HTTPStatus.SERVICE_UNAVAILABLE)


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
