"""The bot's credentials on GitHub: a plain token, or a GitHub App's installation in each account.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import jwt
from gidgethub.apps import get_jwt

from bot import log
from bot.api_path import api_path
from bot.errors import RETRIED, ErrorKind, Service, SettingsError, UpstreamError
from bot.github.addresses import address
from bot.github.models import Person
from bot.github.shapes import APP, IDENTIFIED, INSTALLATION_TOKEN, USER, VIEWER, person
from bot.github.transport import Credential, Transport

_log = log.get(__name__)

RENEWED_BEFORE_END = 300.0
"""Seconds. An installation token lasts an hour; it must outlive a request that starts now."""

LAST_USE_BEFORE_END = 60.0
"""Seconds before its end up to which an old token is still used if GitHub cannot issue a new one."""

JWT_LIFETIME = 540
"""Seconds. GitHub allows ten minutes; one less tolerates a clock that is ahead."""


class Auth(Protocol):
    """Provides the credential of a request."""

    def account(self, repository: str) -> str:
        """The name of the account against whose limits a request counts."""

    async def credential(self, transport: Transport, repository: str) -> Credential:
        """The credential for a repository.

        :param repository: empty for the App itself
        :raises UpstreamError: if GitHub issues none
        """

    def forget(self, credential: Credential) -> bool:
        """Drops a credential that GitHub no longer accepts. True if requesting another is worthwhile."""

    async def me(self, transport: Transport) -> Person:
        """The bot's own account."""


class TokenAuth:
    """A token of one account, the same for all repositories."""

    def __init__(self, token: str) -> None:
        self._credential = Credential(token)

    def account(self, repository: str) -> str:  # noqa: ARG002 - the same everywhere
        return ""

    async def credential(self, transport: Transport, repository: str) -> Credential:  # noqa: ARG002 - the same
        return self._credential

    def forget(self, credential: Credential) -> bool:  # noqa: ARG002 - there is no other
        return False

    async def me(self, transport: Transport) -> Person:
        try:
            answer = await transport.send("me", "GET", "/user", credential=self._credential, changes=False)
        except UpstreamError as error:
            if error.kind is not ErrorKind.FORBIDDEN:
                raise
        else:
            return person(answer.read(USER))
        # An installation's token, such as a workflow's GITHUB_TOKEN, may not call this; GraphQL reports the account
        # that it writes as (https://docs.github.com/en/graphql/reference/queries#viewer).
        question = {"query": "query { viewer { login } }"}
        answer = await transport.send(
            "me", "POST", transport.graphql_url, credential=self._credential, data=question, changes=False
        )
        login = answer.read(VIEWER).data.viewer.login
        return Person(login, is_bot=login.endswith("[bot]"))


class NoAuth:
    """No credential: GitHub is not called. For the command line, where most commands concern Codegen alone."""

    def account(self, repository: str) -> str:  # noqa: ARG002 - the same everywhere
        return ""

    async def credential(self, transport: Transport, repository: str) -> Credential:  # noqa: ARG002 - the same
        raise _nobody("credential")

    def forget(self, credential: Credential) -> bool:  # noqa: ARG002 - there is no other
        return False

    async def me(self, transport: Transport) -> Person:  # noqa: ARG002 - never requested
        raise _nobody("me")


def _nobody(operation: str) -> UpstreamError:
    detail = "GITHUB_TOKEN is not set, and this needs GitHub"
    return UpstreamError(Service.GITHUB, ErrorKind.UNAUTHORIZED, operation, detail=detail)


@dataclass(frozen=True, slots=True)
class _InstallationToken:
    credential: Credential = field(repr=False)
    ends_at: float


class AppAuth:
    """A GitHub App. Installation tokens are cached, renewed in time, and requested once for all concurrent callers.

    :param app_id: the App's id or client id
    :param private_key: the key as PEM text
    :param clock: seconds since the epoch
    :raises SettingsError: if the key cannot sign
    """

    def __init__(self, app_id: str, private_key: str, *, clock: Callable[[], float] = time.time) -> None:
        self._app_id = app_id
        self._private_key = private_key
        self._clock = clock
        self._installations: dict[str, int] = {}
        self._tokens: dict[int, _InstallationToken] = {}
        self._locks: defaultdict[str | int, asyncio.Lock] = defaultdict(asyncio.Lock)
        try:
            self._as_app()
        except (ValueError, TypeError, jwt.PyJWTError):
            raise SettingsError(
                "GITHUB_PRIVATE_KEY is no RSA private key in PEM form. Where to get it: the App's settings page, "
                "Generate a private key."
            ) from None

    def account(self, repository: str) -> str:
        # An App has one installation for each owner, and its limits are the installation's.
        return repository.partition("/")[0].lower()

    def remember(self, repository: str, installation_id: int) -> None:
        """Records the installation of a repository, as a delivery reports it: one request less."""
        self._installations[repository.lower()] = installation_id

    async def credential(self, transport: Transport, repository: str) -> Credential:
        if not repository:
            return self._as_app()
        known = self._installations.get(repository.lower())
        try:
            return await self._token(transport, known or await self._installation(transport, repository))
        except UpstreamError as error:
            if known is None or error.kind is not ErrorKind.NOT_FOUND:
                raise
        # After a reinstallation it has another id.
        if self._installations.get(repository.lower()) == known:
            del self._installations[repository.lower()]
        return await self._token(transport, await self._installation(transport, repository))

    def forget(self, credential: Credential) -> bool:
        for installation, token in self._tokens.items():
            if token.credential == credential:
                del self._tokens[installation]
                break
        return not credential.is_jwt

    async def me(self, transport: Transport) -> Person:
        answer = await transport.send("me", "GET", "/app", credential=self._as_app(), changes=False)
        return Person(f"{answer.read(APP).slug}[bot]", is_bot=True)

    def _as_app(self) -> Credential:
        token = get_jwt(app_id=self._app_id, private_key=self._private_key, expiration=JWT_LIFETIME)
        return Credential(token, is_jwt=True)

    async def _installation(self, transport: Transport, repository: str) -> int:
        name = repository.lower()
        async with self._locks[name]:
            if name not in self._installations:
                url = address("installation", repository, ("installation",))
                answer = await transport.send("installation", "GET", url, credential=self._as_app(), changes=False)
                self._installations[name] = answer.read(IDENTIFIED).id
            return self._installations[name]

    async def _token(self, transport: Transport, installation: int) -> Credential:
        async with self._locks[installation]:
            token = self._tokens.get(installation)
            left = token.ends_at - self._clock() if token else 0.0
            if token is None or left < RENEWED_BEFORE_END:
                try:
                    token = self._tokens[installation] = await self._new_token(transport, installation)
                except UpstreamError as error:
                    if token is None or left < LAST_USE_BEFORE_END or error.kind not in RETRIED:
                        raise
                    _log.warning("github.token_refresh_failed", installation=installation, reason=str(error))
            return token.credential

    async def _new_token(self, transport: Transport, installation: int) -> _InstallationToken:
        # Not a change: a surplus token is harmless.
        url = api_path("app", "installations", installation, "access_tokens")
        answer = await transport.send(
            "installation_token", "POST", url, credential=self._as_app(), data={}, changes=False
        )
        read = answer.read(INSTALLATION_TOKEN)
        return _InstallationToken(Credential(read.token), read.expires_at.timestamp())
