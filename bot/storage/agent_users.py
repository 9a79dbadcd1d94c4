"""The users of agents of your own, and the hashes of their API tokens. All calls block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.storage.database import exclude_others
from bot.storage.queries import BlockingStore
from bot.storage.tables import AGENT_TOKENS, AGENT_USERS


@dataclass(frozen=True, slots=True)
class AgentUser:
    """:param login: on GitHub
    :param github_user_id: None until it is known
    """

    id: int
    login: str
    github_user_id: int | None


@dataclass(frozen=True, slots=True)
class AgentToken:
    """A token, of which only the hash is stored.

    :param name: which `codegen-bot agents token create` was given
    """

    token_hash: str
    login: str
    name: str
    created_at: datetime


class AgentUsers(BlockingStore):
    """Every method raises `bot.errors.StoreError` if the database fails."""

    def user_of(self, token_hash: str) -> AgentUser | None:
        """The owner of a token; None if there is no such token."""
        owner = sa.select(AGENT_TOKENS.c.user_id).where(AGENT_TOKENS.c.token_hash == token_hash)
        return self._user(AGENT_USERS.c.id == owner.scalar_subquery())

    def user(self, user_id: int) -> AgentUser | None:
        return self._user(AGENT_USERS.c.id == user_id)

    def users(self, *, skip: int = 0, limit: int = 100) -> tuple[list[AgentUser], int]:
        """:returns: the users in the order in which they came, and how many there are"""
        query = sa.select(AGENT_USERS).order_by(AGENT_USERS.c.id).offset(skip).limit(limit)
        with self._begin() as connection:
            rows = connection.execute(query).all()
            total = connection.execute(sa.select(sa.func.count()).select_from(AGENT_USERS)).scalar_one()
        return [AgentUser(row.id, row.login, row.github_user_id) for row in rows], total

    def ensure_user(self, login: str, *, at: datetime, github_user_id: int | None = None) -> AgentUser:
        """The user with this login, whose case does not matter; a new one if there is none."""
        with self._begin() as connection:
            return self._ensure_user(connection, login, at=at, github_user_id=github_user_id)

    def add_token(self, token_hash: str, *, login: str, name: str, at: datetime) -> AgentUser:
        """Stores a token of a user, who may be new."""
        with self._begin() as connection:
            user = self._ensure_user(connection, login, at=at)
            values = {"token_hash": token_hash, "user_id": user.id, "name": name, "created_at": at}
            connection.execute(AGENT_TOKENS.insert().values(values))
        return user

    def tokens(self) -> Sequence[AgentToken]:
        """All tokens, the oldest first."""
        token = AGENT_TOKENS.c
        query = sa.select(token.token_hash, AGENT_USERS.c.login, token.name, token.created_at)
        joined = query.join(AGENT_USERS, AGENT_USERS.c.id == token.user_id).order_by(token.created_at, token.token_hash)
        with self._begin() as connection:
            return [AgentToken(*row) for row in connection.execute(joined)]

    def revoke_tokens(self, login: str) -> int:
        """Deletes all tokens of a user. The user stays: runs name it.

        :returns: how many there were
        """
        owner = sa.select(AGENT_USERS.c.id).where(sa.func.lower(AGENT_USERS.c.login) == login.lower())
        with self._begin() as connection:
            return connection.execute(AGENT_TOKENS.delete().where(AGENT_TOKENS.c.user_id.in_(owner))).rowcount

    def _user(self, where: sa.ColumnElement[bool]) -> AgentUser | None:
        with self._begin() as connection:
            row = connection.execute(sa.select(AGENT_USERS).where(where)).first()
        return None if row is None else AgentUser(row.id, row.login, row.github_user_id)

    def _ensure_user(
        self, connection: Connection, login: str, *, at: datetime, github_user_id: int | None = None
    ) -> AgentUser:
        exclude_others(connection, "agent users")
        user = AGENT_USERS.c
        known = connection.execute(sa.select(AGENT_USERS).where(sa.func.lower(user.login) == login.lower())).first()
        if known is None:
            values = {"login": login, "github_user_id": github_user_id, "created_at": at}
            user_id = connection.execute(AGENT_USERS.insert().values(values).returning(user.id)).scalar_one()
            return AgentUser(user_id, login, github_user_id)
        if github_user_id not in {None, known.github_user_id}:
            connection.execute(AGENT_USERS.update().where(user.id == known.id).values(github_user_id=github_user_id))
        return AgentUser(known.id, known.login, github_user_id or known.github_user_id)
