"""The bot's credentials on GitHub: a plain token, or a GitHub App's installation in each account.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import AliasPath, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from bot import log
from bot.errors import RETRIED, ErrorKind, Service, SettingsError, UpstreamError
from bot.github.models import FROM_GITHUB, Installation, Person, reader
from bot.github.session import Session
from bot.github.transport import Credential, Endpoint, Transport
from bot.upstream import api_path

_log = log.get(__name__)

RENEWED_BEFORE_END = 300.0
"""Seconds. An installation token lasts an hour; it must outlive a request that starts now."""

LAST_USE_BEFORE_END = 60.0
"""Seconds before its end up to which an old token is still used if GitHub cannot issue a new one."""

JWT_LIFETIME = 540
"""Seconds. GitHub allows ten minutes; one less tolerates a clock that is ahead."""


class Auth:
    """Provides the credential of a request. This one provides none, and GitHub is not called: for the command line,
    where most commands concern Codegen alone."""

    is_app = False
    """Whether it is a GitHub App."""

    def account(self, repository: str) -> str:  # noqa: ARG002 - the same everywhere
        """The name of the account against whose limits a request counts."""
        return ""

    async def credential(
        self,
        transport: Transport,  # noqa: ARG002 - there is none
        repository: str,  # noqa: ARG002
        installation: Installation | None = None,  # noqa: ARG002
    ) -> Credential:
        """The credential for a repository.

        :param repository: empty for the App itself
        :param installation: of the App, where no repository is named
        :raises UpstreamError: if GitHub issues none
        """
        raise _no_token("credential")

    def forget(self, credential: Credential) -> bool:  # noqa: ARG002 - there is no other
        """Drops a credential that GitHub no longer accepts. True if requesting another is worthwhile."""
        return False

    async def me(self, transport: Transport) -> Person:  # noqa: ARG002 - never requested
        """The bot's own account."""
        raise _no_token("me")


class TokenAuth(Auth):
    """A token of one account, the same for all repositories."""

    def __init__(self, token: str) -> None:
        self._credential = Credential(token)

    async def credential(
        self,
        transport: Transport,  # noqa: ARG002 - the same everywhere
        repository: str,  # noqa: ARG002
        installation: Installation | None = None,  # noqa: ARG002
    ) -> Credential:
        return self._credential

    async def me(self, transport: Transport) -> Person:
        try:
            answer = await transport.send("me", "GET", "/user", credential=self._credential, changes=False)
        except UpstreamError as error:
            if error.kind is not ErrorKind.FORBIDDEN:
                raise
        else:
            return answer.read(reader(Person))
        # An installation's token, such as a workflow's GITHUB_TOKEN, may not call this; GraphQL reports the account
        # that it writes as (https://docs.github.com/en/graphql/reference/queries#viewer).
        query = {"query": "query { viewer { login } }"}
        answer = await transport.send(
            "me", "POST", transport.graphql_url, credential=self._credential, data=query, changes=False
        )
        login = answer.read(reader(str, "data", "viewer", "login"))
        return Person(login, is_bot=login.endswith("[bot]"))


def _no_token(operation: str) -> UpstreamError:
    detail = "GITHUB_TOKEN is not set, and this needs GitHub"
    return UpstreamError(Service.GITHUB, ErrorKind.UNAUTHORIZED, operation, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class _InstallationToken:
    token: str = Field(repr=False)
    expires_at: datetime


class AppAuth(Auth):
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
        from jwt import PyJWTError  # noqa: PLC0415 - cryptography, which only an App needs

        try:
            self._as_app()
        except (ValueError, TypeError, AttributeError, PyJWTError):  # the third one for a public key
            raise SettingsError(
                "GITHUB_PRIVATE_KEY is no RSA private key in PEM form. Where to get it: the App's settings page, "
                "Generate a private key."
            ) from None

    is_app = True

    def account(self, repository: str) -> str:
        # An App has one installation for each owner, and its limits are the installation's.
        return repository.partition("/")[0].lower()

    async def credential(
        self, transport: Transport, repository: str, installation: Installation | None = None
    ) -> Credential:
        if installation is not None:
            return await self._token(transport, installation.id)
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
            if token.token == credential.token:
                del self._tokens[installation]
                break
        return not credential.is_jwt

    async def me(self, transport: Transport) -> Person:
        answer = await transport.send("me", "GET", "/app", credential=self._as_app(), changes=False)
        return Person(f"{answer.read(reader(str, 'slug'))}[bot]", is_bot=True)

    def _as_app(self) -> Credential:
        from gidgethub.apps import get_jwt  # noqa: PLC0415 - see above

        token = get_jwt(app_id=self._app_id, private_key=self._private_key, expiration=JWT_LIFETIME)
        return Credential(token, is_jwt=True)

    async def _installation(self, transport: Transport, repository: str) -> int:
        name = repository.lower()
        async with self._locks[name]:
            if name not in self._installations:
                url = Endpoint("installation", repository, ("installation",)).url
                answer = await transport.send("installation", "GET", url, credential=self._as_app(), changes=False)
                self._installations[name] = answer.read(reader(int, "id"))
            return self._installations[name]

    async def _token(self, transport: Transport, installation: int) -> Credential:
        async with self._locks[installation]:
            token = self._tokens.get(installation)
            left = token.expires_at.timestamp() - self._clock() if token else 0.0
            if token is None or left < RENEWED_BEFORE_END:
                try:
                    token = self._tokens[installation] = await self._new_token(transport, installation)
                except UpstreamError as error:
                    if token is None or left < LAST_USE_BEFORE_END or error.kind not in RETRIED:
                        raise
                    _log.warning("github.token_refresh_failed", installation=installation, reason=str(error))
            return Credential(token.token)

    async def _new_token(self, transport: Transport, installation: int) -> _InstallationToken:
        # Not a change: a surplus token is harmless.
        url = api_path("app", "installations", installation, "access_tokens")
        answer = await transport.send(
            "installation_token", "POST", url, credential=self._as_app(), data={}, changes=False
        )
        return answer.read(reader(_InstallationToken))


def _given(secret: object) -> object:
    if not secret:
        raise ValueError("the App has no webhook secret")
    return secret


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class NewApp:
    """A newly created App.

    :param owner: the login of the person or the organization that it belongs to
    :param url: its page
    :param private_key: as PEM text; GitHub returns it only once
    """

    id: int
    name: str
    owner: str = Field(validation_alias=AliasPath("owner", "login"))
    url: str = Field(validation_alias="html_url")
    private_key: str = Field(repr=False, validation_alias="pem")
    webhook_secret: Annotated[str, BeforeValidator(_given)] = Field(repr=False)

    @property
    def install_url(self) -> str:
        """Where a person selects its repositories."""
        return f"{self.url}/installations/new"


async def new_app(session: Session, code: str, *, base_url: str) -> NewApp:
    """Exchanges the code that GitHub issues after an App was created from a manifest for the App and its secrets.

    https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest

    :param code: valid for one exchange within an hour; it alone authorizes the exchange
    :param base_url: of the API
    :raises UpstreamError: of kind NOT_FOUND if the code was used, has expired, or never existed; with
        `may_have_happened` if the App's secrets may be lost
    """
    url = Endpoint("new_app", "", ("app-manifests", code, "conversions")).url
    transport = Transport(session, base_url=base_url)
    answer = await transport.send("new_app", "POST", url, credential=Credential(""), changes=True)
    return answer.read(reader(NewApp))
