"""Tokens of the agents' API: 256 random bits, of which the database has the SHA-256 only."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.errors import UserError
from bot.storage.agent_users import AgentUser, AgentUsers

PREFIX = "cgb_"

_TOKEN = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}", re.ASCII)

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})(?:\[bot\])?", re.ASCII)


def create_token(users: AgentUsers, name: str, *, now: Callable[[], datetime]) -> str:
    """Makes a token for a GitHub account and stores its hash. Blocking.

    :param name: the login; a second token of the same person is a second one, not a replacement
    :returns: the token, which cannot be shown again
    :raises UserError: if no account can have this login
    """
    if not _LOGIN.fullmatch(name):
        raise UserError(f"{name!r} is not a GitHub login. Next: name the account that the token is for.")
    token = new_token()
    users.add_token(hash_of(token), login=name, name=name, at=now())
    return token


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """No salt and no slow hash: nobody guesses 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token a request has.

    :param is_internal: whether it is the bot itself, in the same process
    """

    user: AgentUser
    is_internal: bool = False


class Tokens:
    """Finds the caller of a token. Besides those in the database there may be internal ones, which live and die with
    this object."""

    def __init__(self, users: AgentUsers) -> None:
        self._users = users
        self._internal: dict[str, AgentUser] = {}

    def add_internal(self, user: AgentUser) -> str:
        """A token for the bot's own clients in this process; it is stored nowhere."""
        token = new_token()
        self._internal[hash_of(token)] = user
        return token

    def caller_of(self, token: str) -> Caller | None:
        """Whose token it is; None if it is not valid. Blocking.

        :raises StoreError: if the database fails
        """
        if not _TOKEN.fullmatch(token):
            # Strangers' guesses cost the database nothing.
            return None
        token_hash = hash_of(token)
        if (user := self._internal.get(token_hash)) is not None:
            return Caller(user, is_internal=True)
        found = self._users.user_of(token_hash)
        return None if found is None else Caller(found)
