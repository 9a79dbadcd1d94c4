"""Who asks, what they may do, how often, and the form of every answer: errors, pages, ETags, rate-limit headers."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import jwt
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.emulator.control import JOURNAL_ENTRY
from bot.emulator.github.world import APP_ID, BOT_LOGIN, RANK, REPOSITORY, Account, Role, World

ACCOUNT = web.RequestKey("account", Account)
"""Who asked, for the headers of the answer."""

DOCS = "https://docs.github.com/rest"
HOURLY = 5000
CONTENT_A_MINUTE = 80
COMMENT_LIMIT = 65_536
SECONDARY_MESSAGE = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


class Refused(Exception):  # noqa: N818 - GitHub's no, not a fault
    """Ends a request with GitHub's own kind of error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    def response(self) -> web.Response:
        document: dict[str, Any] = {"message": self.message, "documentation_url": DOCS, "status": str(self.status)}
        if self.errors is not None:
            document["errors"] = self.errors
        return web.json_response(document, status=self.status, headers=self.headers)


def not_found() -> Refused:
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, code: str, message: str = "") -> Refused:
    error = {"resource": resource, "field": field, "code": code} | ({"message": message} if message else {})
    return Refused(422, "Validation Failed", errors=[error])


class Tokens:
    """Which account a token stands for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._installation: dict[str, float] = {}
        self.app_public_key: str | None = None

    def reset(self) -> None:
        self._installation.clear()

    def mint(self, lasts: float) -> str:
        """A new installation token."""
        token = f"ghs_emulated{self._world.next_id():028d}"
        self._installation[token] = time.time() + lasts
        return token

    def account(self, request: web.Request) -> Account:
        """:raises Refused: 401 for a token that is missing, unknown or expired"""
        token = _token(request)
        if token == "bot-token" or self._installation.get(token, 0.0) > time.time():  # noqa: S105 - the fixed one
            return self._world.accounts[BOT_LOGIN]
        if token.startswith("as-") and (account := self._world.accounts.get(token.removeprefix("as-"))) is not None:
            return account
        raise Refused(401, "Bad credentials" if token else "Requires authentication")

    def check_app(self, request: web.Request) -> None:
        """:raises Refused: where the request does not carry the App's JWT"""
        try:
            if self.app_public_key is None:
                claims = jwt.decode(_token(request), options={"verify_signature": False, "verify_exp": True})
            else:
                claims = jwt.decode(_token(request), self.app_public_key, algorithms=["RS256"])
            lasts = claims["exp"] - claims["iat"]
            issuer = str(claims["iss"])
        except (jwt.InvalidTokenError, KeyError, TypeError):
            raise Refused(401, "A JSON web token could not be decoded") from None
        if issuer != str(APP_ID):
            raise Refused(404, "Integration not found")
        if lasts > 600:
            raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")


def _token(request: web.Request) -> str:
    return request.headers.get("Authorization", "").partition(" ")[2]


class Limiter:
    """The hourly limit and the secondary one on content, for each account."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, enabled: bool = True) -> None:
        self._clock = clock
        self._enabled = enabled
        self._asked: dict[str, deque[float]] = {}
        self._written: dict[str, deque[float]] = {}

    def reset(self) -> None:
        self._asked.clear()
        self._written.clear()

    def headers(self, login: str) -> dict[str, str]:
        used = len(self._window(self._asked, login, 3600.0))
        return {
            "X-RateLimit-Limit": str(HOURLY),
            "X-RateLimit-Remaining": str(max(HOURLY - used, 0)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
            "X-RateLimit-Resource": "core",
        }

    def count(self, login: str) -> None:
        """:raises Refused: 403 where the hour's requests are used up"""
        asked = self._window(self._asked, login, 3600.0)
        if self._enabled and len(asked) >= HOURLY:
            raise Refused(403, f"API rate limit exceeded for {login}.", headers=self.headers(login))
        asked.append(self._clock())

    def give_back(self, login: str) -> None:
        """An answer of 304 is free."""
        if self._asked.get(login):
            self._asked[login].pop()

    def count_write(self, login: str) -> None:
        """:raises Refused: 403 with ``Retry-After`` where a minute sees too much content"""
        written = self._window(self._written, login, 60.0)
        if self._enabled and len(written) >= CONTENT_A_MINUTE:
            wait = max(1, round(written[0] + 60.0 - self._clock() + 0.5))
            raise Refused(403, SECONDARY_MESSAGE, headers={"Retry-After": str(wait)})
        written.append(self._clock())

    def _window(self, windows: dict[str, deque[float]], login: str, seconds: float) -> deque[float]:
        window = windows.setdefault(login, deque())
        while window and self._clock() - window[0] >= seconds:
            window.popleft()
        return window


class Access:
    """What every route asks first: who is it, and may they."""

    def __init__(self, world: World, tokens: Tokens, limiter: Limiter) -> None:
        self.world = world
        self.tokens = tokens
        self.limiter = limiter

    def account(self, request: web.Request) -> Account:
        """Who asks, counted against their hour."""
        account = self.tokens.account(request)
        self.limiter.count(account.login)
        request[ACCOUNT] = account
        request[JOURNAL_ENTRY].actor = account.login
        return account

    def reader(self, request: web.Request) -> Account:
        """:raises Refused: 404 for another repository, and for whoever may not see this one"""
        return self._with_role(request, "read")

    def writer(self, request: web.Request, role: Role = "read") -> Account:
        """The same for what makes content.

        :param role: the least that may do it
        """
        account = self._with_role(request, role)
        self.limiter.count_write(account.login)
        return account

    def _with_role(self, request: web.Request, role: Role) -> Account:
        account = self.account(request)
        name = f"{request.match_info['owner']}/{request.match_info['repo']}"
        if name.lower() != REPOSITORY or RANK[account.role] < RANK["read"]:
            raise not_found()
        if RANK[account.role] < RANK[role]:
            raise Refused(403, "Resource not accessible by this token: it takes more rights on the repository.")
        return account


def number(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not text.isdecimal():
        raise not_found()
    return int(text)


async def fields(request: web.Request) -> dict[str, Any]:
    """The body's fields.

    :raises Refused: 400 where it is no JSON object
    """
    try:
        document = json.loads(await request.read() or b"{}")
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
    if not isinstance(document, dict):
        raise Refused(400, "Body should be a JSON object")
    return document


def text_field(document: dict[str, Any], name: str, resource: str, *, most: int = COMMENT_LIMIT) -> str:
    """A text that must be there and say something."""
    value = document.get(name)
    if not isinstance(value, str) or not value.strip():
        raise invalid(resource, name, "missing_field")
    if len(value) > most:
        raise invalid(resource, name, "unprocessable", f"{name} is too long (maximum is {most} characters)")
    return value


def page(request: web.Request, items: Sequence[Any], *, key: str | None = None) -> web.Response:
    """A page of a list with its Link header.

    :param key: the name under which the list stands where the answer is an object
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
    """The middleware that gives every answer its form."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Refused as refusal:
            response = refusal.response()
        except web.HTTPNotFound:
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
    assert isinstance(response.body, bytes)  # noqa: S101 - every answer here is made of text
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
        if login is not None:
            limiter.give_back(login)
        return web.Response(status=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return response
