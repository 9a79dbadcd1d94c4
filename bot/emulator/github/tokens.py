"""Maps the token of a request to its account.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import time

import jwt
from aiohttp import web

from bot.emulator.github.refusals import Refused
from bot.emulator.github.world import ACTIONS_LOGIN, APP_ID, BOT_LOGIN, Account, App, World

LONGEST_JWT = 600
"""Seconds from now to a JWT's end."""

CLOCKS_APART = 60
"""Seconds by which the clock of a JWT's issuer may be ahead."""

_BAD_END = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which it expires"


ACTIONS_TOKEN = "actions-token"  # noqa: S105 - the fixed one
"""Represents a workflow's GITHUB_TOKEN, which is an installation's too."""


class Tokens:
    """``as-alice`` is alice's token, ``bot-token`` and the installation's tokens are the bot's, ``actions-token`` a
    workflow's, a JWT the App's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._installation: dict[str, tuple[float, int]] = {}
        self.app_public_key: str | None = None

    def reset(self) -> None:
        self._installation.clear()

    def mint(self, lasts: float, app: App) -> str:
        """A new token of an App's installation.

        :param lasts: seconds
        """
        token = f"ghs_emulated{self._world.next_id():028d}"
        self._installation[token] = (time.time() + lasts, app.id)
        return token

    def expire(self) -> int:
        """Expires all installation tokens early; a request for another one succeeds.

        :returns: how many there were
        """
        count = len(self._installation)
        self._installation.clear()
        return count

    def account(self, request: web.Request) -> Account:
        """:raises Refused: 401 for a token that is missing, unknown or expired"""
        _, token = _credential(request)
        if token == "bot-token":  # noqa: S105 - the fixed one
            return self._world.accounts[BOT_LOGIN]
        if (app := self.installed_app(request)) is not None:
            return self._world.accounts[app.login]
        if token == ACTIONS_TOKEN:
            return self._world.accounts[ACTIONS_LOGIN]
        if token.startswith("as-") and (account := self._world.account(token.removeprefix("as-"))) is not None:
            return account
        raise Refused(401, "Bad credentials" if token else "Requires authentication")

    def installed_app(self, request: web.Request) -> App | None:
        """The App of an installation token; None for all other tokens, including expired ones."""
        ends, app_id = self._installation.get(_credential(request)[1], (0.0, 0))
        return self._world.apps.get(app_id) if ends > time.time() else None

    def is_minted(self, request: web.Request) -> bool:
        """Whether it is a requested installation token, or a workflow's, and not the fixed one."""
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
                raise Refused(401, "A JSON web token could not be decoded")
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
                leeway=CLOCKS_APART,
            )
            left = claims["exp"] - time.time()
        except (jwt.InvalidTokenError, KeyError, TypeError):
            raise Refused(401, "A JSON web token could not be decoded") from None
        if left <= 0:
            raise Refused(401, _BAD_END)
        if left > LONGEST_JWT:
            raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
        if app is None:
            raise Refused(404, "Integration not found")
        return app

    def _claimed(self, token: str) -> App | None:
        """The App that a JWT claims to be, by its id or its client id."""
        issuer = str(jwt.decode(token, options={"verify_signature": False})["iss"])
        return next((app for app in self._world.apps.values() if issuer in {str(app.id), app.client_id}), None)


def _credential(request: web.Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), token
