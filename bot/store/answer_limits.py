"""Limits how often people without write access are answered in an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreError
from bot.store.locks import exclude_others
from bot.store.models import (
    ANSWERS_PERIOD,
    MOST_ANSWERS,
    MOST_REACTIONS,
    MOST_REACTIONS_OF_A_REPOSITORY,
    MOST_REFUSALS,
    MOST_REFUSALS_OF_A_REPOSITORY,
    AnswerKind,
    Voice,
)
from bot.store.tables import ANSWERS, insert
from bot.store.threads import run_in_thread

KEPT = timedelta(days=1)
"""How long the way a command was answered is kept: one that is resumed after a crash is answered in the same way."""


class AnswerLimits:
    """`bot.handlers.ports.AnswerLimits`. SQLAlchemy is called in a thread, so that the loop never blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def claim(
        self,
        identity: str,
        *,
        subject: str,
        login: str,
        repository: str,
        number: int,  # noqa: ARG002 - people are counted across all threads
        kind: AnswerKind,
        at: datetime,
    ) -> Voice:
        """Decides how a command may be answered.

        :raises StoreError: if the database fails
        """
        values: dict[str, object] = {
            "subject": subject,
            "identity": identity,
            "login": login.lower(),
            "repository": repository.lower(),
            "kind": kind.value,
            "at": at.astimezone(UTC),
        }
        try:
            return await run_in_thread(partial(self._claim, values, kind))
        except SQLAlchemyError as error:
            raise StoreError(type(error).__name__) from None

    def _claim(self, values: dict[str, object], kind: AnswerKind) -> Voice:
        table, at = ANSWERS.c, values["at"]
        assert isinstance(at, datetime)  # noqa: S101 - the caller has set it
        with self._engine.begin() as connection:
            # The first statement writes (`exclude_others`): two concurrent commands must not both take the last reply.
            connection.execute(ANSWERS.delete().where(table.at < at - KEPT))
            exclude_others(connection, "answers")
            known = connection.execute(
                sa.select(table.identity, table.voice).where(table.subject == values["subject"])
            ).first()
            if known is not None:
                return Voice(known.voice) if known.identity == values["identity"] else Voice.NONE
            voice = self._voice(connection, values, kind, since=at - ANSWERS_PERIOD)
            connection.execute(insert(self._engine, ANSWERS).values(voice=voice.value, **values))
        return voice

    @staticmethod
    def _voice(connection: Connection, values: dict[str, object], kind: AnswerKind, *, since: datetime) -> Voice:
        table = ANSWERS.c
        mine, here = table.login == values["login"], table.repository == values["repository"]

        def count(whose: sa.ColumnElement[bool], voice: Voice, *kinds: AnswerKind) -> int:
            wanted = [whose, table.at > since, table.voice == voice.value, table.kind.in_([*kinds])]
            return connection.execute(sa.select(sa.func.count()).select_from(ANSWERS).where(*wanted)).scalar_one()

        if kind is AnswerKind.ANSWER:
            has_room = count(mine, Voice.REPLY, kind) < MOST_ANSWERS
        else:
            has_room = (
                count(mine, Voice.REPLY, kind) < MOST_REFUSALS
                and count(here, Voice.REPLY, kind) < MOST_REFUSALS_OF_A_REPOSITORY
            )
        if has_room:
            return Voice.REPLY
        is_quiet = (
            count(mine, Voice.REACTION, *AnswerKind) < MOST_REACTIONS
            and count(here, Voice.REACTION, *AnswerKind) < MOST_REACTIONS_OF_A_REPOSITORY
        )
        return Voice.REACTION if is_quiet else Voice.NONE
