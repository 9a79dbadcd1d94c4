"""As whom the bot speaks to GitHub: a plain token, or a GitHub App's installation in each repository."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import jwt
from gidgethub.abc import GitHubAPI
from gidgethub.apps import get_jwt

from bot.errors import SettingsError

RENEWED_BEFORE_END = timedelta(minutes=5)
"""An installation token lasts an hour; a request that starts now must not outlive it."""


class Auth(Protocol):
    """Where the token for a request comes from."""

    async def token(self, api: GitHubAPI, repository: str) -> str:
        """The token to use in a repository (``owner/name``)."""

    async def login(self, api: GitHubAPI) -> str:
        """The bot's own login."""


class TokenAuth:
    """A token of one account, the same everywhere."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, api: GitHubAPI, repository: str) -> str:  # noqa: ARG002
        return self._token

    async def login(self, api: GitHubAPI) -> str:
        user = await api.getitem("/user", oauth_token=self._token)
        return str(user["login"])


@dataclass(frozen=True, slots=True)
class _InstallationToken:
    value: str
    ends_at: datetime


class AppAuth:
    """A GitHub App. One token for each installation, renewed in time, asked for once however many wait for it."""

    def __init__(
        self, app_id: str, private_key: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """:raises SettingsError: where the key cannot sign."""
        self._app_id = app_id
        self._private_key = private_key
        self._now = now
        self._installations: dict[str, int] = {}
        self._tokens: dict[int, _InstallationToken] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        try:
            self._jwt()
        except (ValueError, TypeError, jwt.InvalidKeyError):
            raise SettingsError(
                "GITHUB_PRIVATE_KEY is no RSA private key in PEM form. Where to get it: the App's settings page, "
                "Generate a private key."
            ) from None

    def _jwt(self) -> str:
        return get_jwt(app_id=self._app_id, private_key=self._private_key, expiration=9 * 60)

    async def token(self, api: GitHubAPI, repository: str) -> str:
        async with self._locks.setdefault(repository, asyncio.Lock()):
            installation = self._installations.get(repository)
            if installation is None:
                found = await api.getitem(f"/repos/{repository}/installation", jwt=self._jwt())
                installation = self._installations[repository] = int(found["id"])
            known = self._tokens.get(installation)
            if known is None or known.ends_at - self._now() < RENEWED_BEFORE_END:
                known = self._tokens[installation] = await self._new_token(api, installation)
            return known.value

    async def _new_token(self, api: GitHubAPI, installation: int) -> _InstallationToken:
        answer: dict[str, Any] = await api.post(
            f"/app/installations/{installation}/access_tokens", data={}, jwt=self._jwt()
        )
        return _InstallationToken(answer["token"], datetime.fromisoformat(answer["expires_at"]))

    async def login(self, api: GitHubAPI) -> str:
        app = await api.getitem("/app", jwt=self._jwt())
        return f"{app['slug']}[bot]"
