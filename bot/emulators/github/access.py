"""Who makes a request and what they may do: tokens, permissions of Apps, rate limits.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.emulators.control import JOURNAL_ENTRY, password_of
from bot.emulators.github.model import ACTIONS_LOGIN, APP_ID, BOT_LOGIN, RANK, REPOSITORY, Account, App, Role
from bot.emulators.github.requests import Call, body_fields, not_found, refused
from bot.emulators.github.world import World
from bot.emulators.operations import Refused, SlidingWindows

LONGEST_JWT = 600
"""Seconds from now to a JWT's end."""
CLOCK_TOLERANCE = 60
"""Seconds by which the clock of a JWT's issuer may be ahead."""

_BAD_END = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which it expires"

BOT_TOKEN = "bot-token"  # noqa: S105 - the fixed one
ACTIONS_TOKEN = "actions-token"  # noqa: S105 - the fixed one
"""Represents a workflow's GITHUB_TOKEN, which is an installation's too."""

HOUR = 3600.0
HOURLY = 5000
CONTENT_A_MINUTE = 80
CONTENT_AN_HOUR = 500
SECONDARY_MESSAGE = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."

ACCOUNT = web.RequestKey("account", Account)
"""The account of the request, for the headers of the response."""


def allows(granted: Mapping[str, str], permission: str) -> bool:
    """Whether a permission that an operation needs is granted.

    :param permission: as in the header ``X-Accepted-GitHub-Permissions``: one of those between semicolons is enough
    """
    accepted = (each.split("=") for each in permission.split("; "))
    return any(granted.get(name) in {level, "write"} for name, level in accepted)


class Tokens:
    """``as-alice`` is alice's token, ``bot-token`` and the installation's tokens are the bot's, ``actions-token`` a
    workflow's, a JWT the App's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._installation: dict[str, tuple[float, int]] = {}
        self.app_public_key: str | None = None

    def reset(self) -> None:
        self._installation.clear()

    def create(self, lasts: float, app: App) -> str:
        """A new token of an App's installation.

        :param lasts: seconds
        """
        token = f"ghs_emulated{self._world.next_id():028d}"
        self._installation[token] = (time.time() + lasts, app.id)
        return token

    def account(self, request: web.Request) -> Account:
        """:raises Refused: 401 for a token that is missing, unknown or expired"""
        _, token = _credential(request)
        app = self.installed_app(request)
        fixed = {BOT_TOKEN: BOT_LOGIN, ACTIONS_TOKEN: ACTIONS_LOGIN}
        named = token.removeprefix("as-") if token.startswith("as-") else ""
        account = self._world.account(app.login if app is not None else fixed.get(token, named))
        if account is None:
            raise refused(401, "Bad credentials" if token else "Requires authentication")
        return account

    def installed_app(self, request: web.Request) -> App | None:
        """The App of an installation token; None for all other tokens, including expired ones."""
        ends, app_id = self._installation.get(_credential(request)[1], (0.0, 0))
        return self._world.apps.get(app_id) if ends > time.time() else None

    def is_installation(self, request: web.Request) -> bool:
        """Whether the token is an installation's or a workflow's."""
        token = _credential(request)[1]
        return token == ACTIONS_TOKEN or token in self._installation

    def app(self, request: web.Request) -> App:
        """The App whose JWT the request carries.

        :raises Refused: if it carries none as a bearer
        """
        scheme, token = _credential(request)
        try:
            app = self._claimed(token)
            key = self.app_public_key if app is None or app.id == APP_ID else app.public_key
            if scheme != "bearer" or jwt.get_unverified_header(token)["alg"] != "RS256":
                raise refused(401, "A JSON web token could not be decoded")
            claims = jwt.decode(
                token,
                key or "",
                algorithms=["RS256"],
                options={
                    "verify_signature": key is not None,
                    "verify_exp": False,
                    "verify_iat": True,
                    "verify_aud": False,
                },
                leeway=CLOCK_TOLERANCE,
            )
            left = claims["exp"] - time.time()
        except (jwt.InvalidTokenError, KeyError, TypeError):
            raise refused(401, "A JSON web token could not be decoded") from None
        if left <= 0:
            raise refused(401, _BAD_END)
        if left > LONGEST_JWT:
            raise refused(401, "'Expiration time' claim ('exp') is too far in the future")
        if app is None:
            raise refused(404, "Integration not found")
        return app

    def _claimed(self, token: str) -> App | None:
        """The App that a JWT claims to be, by its id or its client id."""
        issuer = str(jwt.decode(token, options={"verify_signature": False})["iss"])
        return next((app for app in self._world.apps.values() if issuer in {str(app.id), app.client_id}), None)


def _credential(request: web.Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), password_of(token) if scheme.lower() == "basic" else token


class Limiter:
    """The hourly limit and the secondary limit on content, for each account."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, enabled: bool = True, hourly: int = HOURLY
    ) -> None:
        self._clock = clock
        self._enabled = enabled
        self._hourly = hourly
        self._hours: dict[str, tuple[float, int]] = {}
        """The end of each account's hour, which starts with its first request, and how many it has made."""
        self._written = SlidingWindows(clock)

    def reset(self) -> None:
        self._hours.clear()
        self._written.reset()

    def headers(self, login: str) -> dict[str, str]:
        ends, used = self._hour(login)
        return {
            "X-RateLimit-Limit": str(self._hourly),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Remaining": str(max(self._hourly - used, 0)),
            "X-RateLimit-Reset": str(round(time.time() + ends - self._clock())),
            "X-RateLimit-Resource": "core",
        }

    def count(self, login: str) -> None:
        """:raises Refused: 403 if the hour's requests are used up"""
        ends, used = self._hour(login)
        if self._enabled and used >= self._hourly:
            raise refused(403, f"API rate limit exceeded for {login}.", self.headers(login))
        self._hours[login] = (ends, used + 1)

    def give_back(self, login: str) -> None:
        """Undoes the count of a request: a 304 is free."""
        ends, used = self._hour(login)
        self._hours[login] = (ends, used - 1)

    def count_write(self, login: str) -> None:
        """:raises Refused: 403 with ``Retry-After`` if there is too much content in a minute or an hour"""
        wait = self._written.count(login, (CONTENT_A_MINUTE, 60.0), (CONTENT_AN_HOUR, HOUR)) if self._enabled else 0
        if wait:
            raise refused(403, SECONDARY_MESSAGE, {"Retry-After": str(wait)})

    def _hour(self, login: str) -> tuple[float, int]:
        now = self._clock()
        ends, used = self._hours.get(login, (now, 0))
        return (ends, used) if now < ends else (now + HOUR, 0)


ANONYMOUS = Account(0, "")


@dataclass(frozen=True, slots=True)
class AppCall(Call):
    app: App


class Access:
    """Admits the requests to operations, and completes the responses."""

    def __init__(self, world: World, tokens: Tokens, limiter: Limiter) -> None:
        self._world = world
        self._tokens = tokens
        self._limiter = limiter

    async def call(
        self,
        request: web.Request,
        *,
        permission: str = "",
        role: Role = "read",
        any_repository: bool = False,
    ) -> Call:
        """An authenticated request, counted against the limits of its account.

        :param permission: what an App needs to be granted; empty: nothing
        :param role: what the account needs to have in the repository of the path
        :param any_repository: whether the operation also exists in other repositories than the main one
        :raises Refused: 404 if there is no such repository, or the account may not see it
        """
        account = request[ACCOUNT] = self._tokens.account(request)
        entry = request[JOURNAL_ENTRY]
        entry.actor, entry.permission = account.login, permission or None
        self._limiter.count(account.login)
        app = self._tokens.installed_app(request)
        if permission and app is not None and not allows(app.permissions, permission):
            headers = {"X-Accepted-GitHub-Permissions": permission}
            raise refused(403, "Resource not accessible by integration", headers)
        call = Call(request, account, await body_fields(request))
        if "repo" in request.match_info:
            self._check_repository(call, role, any_repository=any_repository)
            if request.method != "GET":
                self._limiter.count_write(account.login)
        return call

    def _check_repository(self, call: Call, role: Role, *, any_repository: bool) -> None:
        rank = RANK[self._world.role(call.account, call.repository)]
        if rank < RANK["read"] or not (any_repository or call.repository == REPOSITORY):
            raise not_found()
        if rank < RANK[role]:
            raise refused(403, f"Must have {role} access to Repository.")

    async def app_call(self, request: web.Request) -> AppCall:
        """A request of an App with its JWT."""
        return AppCall(request, ANONYMOUS, await body_fields(request), self._tokens.app(request))

    @web.middleware
    async def complete(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Adds the headers of rate limits and an ETag, and answers refusals."""
        try:
            response = await handler(request)
        except Refused as refusal:
            response = refusal.response()
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            response = not_found().response()
        account = request.get(ACCOUNT)
        if request.method == "GET" and response.status == 200 and isinstance(response, web.Response) and response.body:
            response = self._with_etag(request, response, account)
        if account is not None:
            for name, value in self._limiter.headers(account.login).items():
                response.headers.setdefault(name, value)
        return response

    def _with_etag(self, request: web.Request, response: web.Response, account: Account | None) -> web.Response:
        assert isinstance(response.body, bytes)  # noqa: S101 - every response here is text
        etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match", "").removeprefix("W/") != etag:
            response.headers["ETag"] = etag
            return response
        if account is not None:
            self._limiter.give_back(account.login)
        return web.Response(status=304, headers={"ETag": etag})
