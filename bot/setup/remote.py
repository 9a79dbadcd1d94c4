"""Set-up of a server that is publicly reachable already: only the owner of the token shown in its terminal or log may
give it an App.
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
from bot.errors import SettingsError, UserError
from bot.setup import pages
from bot.setup.flow import Made, ManifestFlow
from bot.setup.pages import Field
from bot.setup.plan import GITHUB, plan
from bot.web.bodies import TIMEOUT, guard_bodies
from bot.web.listening import listening
from bot.web.problems import answer_problems

_log = log.get(__name__)

PATH = "/setup"

PATIENCE = 5.0
"""Seconds for delivering the last page."""

_NOT_YET = "This bot is not set up yet. Whoever starts it finds in its terminal or log how that is done."


class RemoteSetUp:
    """The set-up pages: all that a server without an App serves.

    :param keep: stores the created App, and returns what is left to do
    :param check: raises SettingsError if it could not be stored
    """

    def __init__(
        self, *, keep: Callable[[Made], Awaitable[list[str]]], check: Callable[[str], Awaitable[None]]
    ) -> None:
        self._keep = keep
        self._check = check
        self._flow = ManifestFlow()
        self.token = secrets.token_urlsafe(24)
        self.done = asyncio.Event()

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[str]:
        """Serves the pages while the context lasts.

        :returns: the server's URL
        :raises SettingsError: if the address cannot be bound
        """
        application = web.Application(client_max_size=64 * 1024, middlewares=[answer_problems, guard_bodies])
        application.add_routes(
            [
                web.get(PATH, self._ask),
                web.post(PATH, self._offer),
                web.get(f"{PATH}/created", self._finish),
                web.get("/healthz", _alive),
                web.route("*", "/{tail:.*}", _not_yet),
            ]
        )
        named = f"HOST and PORT: {host}:{port}"
        async with listening(application, host, port, named=named, shutdown_timeout=PATIENCE) as url:
            yield url

    async def _ask(self, request: web.Request) -> web.Response:
        # A proxy before the server may terminate TLS; what its headers omit, the user fills in.
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
        return pages.form_page(_fields({"url": f"{scheme}://{request.host}"}), action=PATH)

    async def _offer(self, request: web.Request) -> web.Response:
        """Returns the form for GitHub if the token is right."""
        try:
            async with asyncio.timeout(TIMEOUT):
                given = {name: str(value) for name, value in (await request.post()).items()}
        except TimeoutError:
            return pages.refusal_page("The form did not arrive in time.", status=HTTPStatus.REQUEST_TIMEOUT, again=PATH)
        try:
            self._check_token(given.get("token", "").strip(), request)
            wanted = plan(
                url=given.get("url", ""),
                organization=given.get("organization", ""),
                name=given.get("name", ""),
                github=given.get("github", "") or GITHUB,
            )
            await self._check(wanted.host.api)
        except SettingsError as error:
            return pages.form_page(_fields(given), action=PATH, problem=str(error))
        return pages.offer_page(self._flow.offer(wanted, redirect_url=f"{wanted.url}{PATH}/created"))

    def _check_token(self, token: str, request: web.Request) -> None:
        """:raises SettingsError: if it is not the token shown at the start"""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            _log.warning("setup.refused", peer=request.remote)
            raise SettingsError("That is not this server's token. Its terminal or log has shown it at the start.")

    async def _finish(self, request: web.Request) -> web.Response:
        """Handles GitHub's redirect. Only the owner of the token has got a valid state."""
        query = request.query
        try:
            made = await self._flow.finish(code=query.get("code", ""), state=query.get("state", ""))
        except UserError as mistake:
            return pages.refusal_page(mistake.text, again=PATH)
        try:
            steps = await self._keep(made)
        except SettingsError as error:
            lost = f"{error} So the App {made.app.name} is lost: delete it at GitHub, and start the server again."
            return pages.refusal_page(lost)
        _log.info("setup.done", app=made.app.id)
        self.done.set()
        return pages.done_page(made.app.name, steps)


def _fields(given: dict[str, str]) -> list[Field]:
    """The form's fields with what was typed; the token must be retyped each time."""
    return [
        Field("token", "Token", "The server's terminal or log has shown it.", kind="password", needed=True),
        Field("url", "The bot's public address", "GitHub has to reach it.", given.get("url", ""), needed=True),
        Field(
            "organization",
            "Organization",
            "Whose repositories the bot is for; empty for your own.",
            given.get("organization", ""),
        ),
        Field(
            "name", "Name of the App", "Empty for a made-up one; at GitHub you can change it.", given.get("name", "")
        ),
        Field("github", "GitHub", "Another address for GitHub Enterprise.", given.get("github", "") or GITHUB),
    ]


async def _alive(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _not_yet(_request: web.Request) -> web.Response:
    """Answers 503, so that GitHub shows deliveries as failed and they can be redelivered."""
    return pages.closed_page(_NOT_YET, status=HTTPStatus.SERVICE_UNAVAILABLE)
