"""Set-up on the user's own machine: a page on loopback, at an unguessable URL."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from bot.errors import UserError
from bot.setup import pages
from bot.setup.flow import Made, ManifestFlow
from bot.setup.plan import Plan
from bot.web.bodies import guard_bodies
from bot.web.listening import listening
from bot.web.problems import answer_problems

LOOPBACK = "127.0.0.1"

PATIENCE = 5.0
"""Seconds for delivering the last page."""


class LocalSetUp:
    """One set-up on a local port.

    Other users of the machine can reach the port too, and so can any page in the user's browser: the path is a random
    key shown only in the terminal.

    :param plan: the requested App
    :param keep: stores the created App, and returns what is left to do
    """

    def __init__(self, plan: Plan, *, keep: Callable[[Made], Awaitable[list[str]]]) -> None:
        self._plan = plan
        self._keep = keep
        self._flow = ManifestFlow()
        self._key = secrets.token_urlsafe(16)
        self._url = ""
        self.done = asyncio.Event()

    @asynccontextmanager
    async def serving(self, *, port: int = 0) -> AsyncIterator[str]:
        """Serves the page while the context lasts.

        :param port: 0 for a free one
        :returns: its URL
        :raises SettingsError: if the port is taken
        """
        application = web.Application(middlewares=[answer_problems, guard_bodies])
        application.add_routes([web.get(f"/{self._key}", self._offer), web.get(f"/{self._key}/created", self._finish)])
        application.add_routes([web.get("/{tail:.*}", _nothing)])
        async with listening(
            application, LOOPBACK, port, named=f"--port: {port}", shutdown_timeout=PATIENCE
        ) as address:
            self._url = f"{address}/{self._key}"
            yield self._url

    async def _offer(self, _request: web.Request) -> web.Response:
        return pages.offer_page(self._flow.offer(self._plan, redirect_url=f"{self._url}/created"))

    async def _finish(self, request: web.Request) -> web.Response:
        """Handles GitHub's redirect."""
        query = request.query
        try:
            made = await self._flow.finish(code=query.get("code", ""), state=query.get("state", ""))
        except UserError as mistake:
            return pages.refusal_page(mistake.text, again=self._url)
        steps = await self._keep(made)
        self.done.set()
        return pages.done_page(made.app.name, steps)


async def _nothing(_request: web.Request) -> web.Response:
    return pages.closed_page("There is nothing here. The terminal has the address.", status=HTTPStatus.NOT_FOUND)
