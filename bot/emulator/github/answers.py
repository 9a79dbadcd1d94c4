"""Authentication and permissions of requests, and the form of responses: pages, ETags, rate-limit headers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.emulator.control import JOURNAL_ENTRY
from bot.emulator.github.limits import Limiter
from bot.emulator.github.permissions import Permissions
from bot.emulator.github.refusals import Refused, invalid, not_found
from bot.emulator.github.tokens import Tokens
from bot.emulator.github.world import RANK, REPOSITORY, Account, Role, World

ACCOUNT = web.RequestKey("account", Account)
"""The account of the request, for the headers of the response."""

COUNTED = web.RequestKey("counted", bool)
"""Whether it counted against the hourly limit, which a 304 undoes."""

COMMENT_LIMIT = 65_536


class Access:
    """Authentication and permissions, for every route."""

    def __init__(self, world: World, tokens: Tokens, limiter: Limiter) -> None:
        self.world = world
        self.tokens = tokens
        self.limiter = limiter
        self.permissions = Permissions()

    def account(self, request: web.Request, *, counted: bool = True) -> Account:
        """The account of the request, counted against its hourly limit."""
        account = self.tokens.account(request)
        request[ACCOUNT] = account
        request[JOURNAL_ENTRY].actor = account.login
        if counted:
            self.limiter.count(account.login)
        request[COUNTED] = counted
        if (app := self.tokens.installed_app(request)) is not None:
            self.permissions.check(request, app.permissions)
        return account

    def reader(self, request: web.Request, role: Role = "read") -> Account:
        """The account, which may read this; one that may read the repository learns if more is needed.

        :raises Refused: 404 for another repository, and if the account may not see this one
        """
        account = self.account(request)
        name = f"{request.match_info['owner']}/{request.match_info['repo']}"
        has = RANK[self.world.role(account)]
        if name.lower() != REPOSITORY or has < RANK["read"]:
            raise not_found()
        if has < RANK[role]:
            raise Refused(403, _too_little(role))
        return account

    def writer(self, request: web.Request, role: Role = "read") -> Account:
        """The same for requests that create content.

        :param role: the minimum
        """
        account = self.reader(request, role)
        self.limiter.count_write(account.login)
        return account

    def app(self, request: web.Request) -> Account:
        """The bot with the App's permissions, for operations that need an App."""
        account = self.reader(request)
        if account.type != "Bot":
            raise Refused(403, "You must authenticate via a GitHub App.")
        self.limiter.count_write(account.login)
        return account


def _too_little(role: Role) -> str:
    return "Must have admin rights to Repository." if role == "admin" else f"Must have {role} access to Repository."


def number(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not text.isdecimal():
        raise not_found()
    return int(text)


async def fields(request: web.Request) -> dict[str, Any]:
    """The body's fields.

    :raises Refused: 400 if it is not a JSON object
    """
    try:
        document = json.loads(await request.read() or b"{}")
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
    if not isinstance(document, dict):
        raise Refused(400, "Body should be a JSON object")
    return document


def text_field(document: dict[str, Any], name: str, resource: str, *, most: int = COMMENT_LIMIT) -> str:
    """A required text that is not blank."""
    value = document.get(name)
    if not isinstance(value, str) or not value.strip():
        raise invalid(resource, name, "missing_field")
    if len(value) > most:
        raise invalid(resource, name, "unprocessable", f"{name} is too long (maximum is {most} characters)")
    return value


def page(request: web.Request, items: Sequence[Any], *, key: str | None = None) -> web.Response:
    """A page of a list with its Link header.

    :param key: of the list if the response is an object
    """
    size = min(max(_query_number(request, "per_page", 30), 1), 100)
    place = max(_query_number(request, "page", 1), 1)
    last = max(-(-len(items) // size), 1)
    shown = list(items[(place - 1) * size : place * size])
    links = []
    if place < last:
        links += [_link(request, place + 1, "next"), _link(request, last, "last")]
    if place > 1:
        links += [_link(request, place - 1, "prev"), _link(request, 1, "first")]
    document = shown if key is None else {"total_count": len(items), key: shown}
    return web.json_response(document, headers={"Link": ", ".join(links)} if links else {})


def _link(request: web.Request, place: int, rel: str) -> str:
    url = request.url.update_query(page=place)
    return f'<{url}>; rel="{rel}"'


def _query_number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else default


def answers(limiter: Limiter) -> Any:
    """The middleware that completes every response."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Refused as refusal:
            response = refusal.response()
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            response = not_found().response()
        account = request.get(ACCOUNT)
        login = account.login if account is not None else None
        if request.method == "GET" and response.status == 200 and isinstance(response, web.Response) and response.body:
            response = _with_etag(request, response, limiter, login)
        if login is not None:
            for name, value in limiter.headers(login).items():
                response.headers.setdefault(name, value)
        return response

    return middleware


def _with_etag(request: web.Request, response: web.Response, limiter: Limiter, login: str | None) -> web.Response:
    assert isinstance(response.body, bytes)  # noqa: S101 - every response here is text
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
        if login is not None and request[COUNTED]:
            limiter.give_back(login)
        return web.Response(status=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return response
