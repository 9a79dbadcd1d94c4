"""Limits of people's commands: quotas of agent runs, replies to people without write access, and confirmations."""
# ruff: noqa: ARG002 - replies to a person are counted across all threads

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.storage.database import exclude_others
from bot.storage.models import (
    ANSWERS_PERIOD,
    MOST_ANSWERS,
    MOST_REACTIONS,
    MOST_REACTIONS_OF_A_REPOSITORY,
    MOST_REFUSALS,
    MOST_REFUSALS_OF_A_REPOSITORY,
    AnswerKind,
    AnswerMode,
    Budget,
    Quota,
    QuotaExceeded,
)
from bot.storage.queries import Store
from bot.storage.tables import ANSWER_USAGE, CONFIRMATIONS, QUOTA_USAGE

ANSWER_RETENTION = timedelta(days=1)
"""How long a command's `AnswerMode` is stored: after a crash it is answered in the same way."""

_WAITING, _CONFIRMED = "waiting", "confirmed"


class QuotaStore(Store):
    """`bot.execution.services.RunQuotas`. A day is a UTC day."""

    async def charge(
        self, identity: str, *, login: str, repository: str, number: int, runs: int, at: datetime, limits: Quota
    ) -> QuotaExceeded | None:
        usage = QUOTA_USAGE.c
        login, repository = login.lower(), repository.lower()
        today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        here = [usage.repository == repository, usage.requested_at >= today]
        budgets = (
            (Budget.PERSON, limits.person, [*here, usage.login == login]),
            (Budget.THREAD, limits.thread, [*here, usage.number == number]),
            (Budget.REPOSITORY, limits.repository, here),
        )

        def charge(connection: Connection) -> QuotaExceeded | None:
            # The first statement writes (`exclude_others`): two concurrent commands must not both take the last run.
            connection.execute(QUOTA_USAGE.delete().where(usage.requested_at < today - timedelta(days=1)))
            exclude_others(connection, repository)
            if connection.execute(sa.select(usage.runs).where(usage.identity == identity)).first():
                return None
            for budget, limit, wanted in budgets:
                if limit is None:
                    continue
                used = connection.execute(sa.select(sa.func.sum(usage.runs)).where(*wanted)).scalar() or 0
                if used + runs > limit:
                    return QuotaExceeded(budget, limit, used)
            row = {"identity": identity, "login": login, "repository": repository, "number": number, "runs": runs}
            connection.execute(self._insert(QUOTA_USAGE).values(**row, requested_at=at).on_conflict_do_nothing())
            return None

        return await self._transaction(charge)


class AnswerLimits(Store):
    """`bot.execution.permissions.AnswerLimits`."""

    async def claim(
        self, identity: str, *, subject: str, login: str, repository: str, number: int, kind: AnswerKind, at: datetime
    ) -> AnswerMode:
        usage = ANSWER_USAGE.c
        mine, here = usage.login == login.lower(), usage.repository == repository.lower()

        def claim(connection: Connection) -> AnswerMode:
            # The first statement writes (`exclude_others`): two concurrent commands must not both take the last reply.
            connection.execute(ANSWER_USAGE.delete().where(usage.answered_at < at - ANSWER_RETENTION))
            exclude_others(connection, "answers")
            known = connection.execute(sa.select(usage.identity, usage.mode).where(usage.subject == subject)).first()
            if known is not None:
                return AnswerMode(known.mode) if known.identity == identity else AnswerMode.NONE
            mode = allowed(connection)
            row = {"subject": subject, "identity": identity, "login": login.lower(), "repository": repository.lower()}
            connection.execute(ANSWER_USAGE.insert().values(**row, kind=kind.value, mode=mode.value, answered_at=at))
            return mode

        def allowed(connection: Connection) -> AnswerMode:
            def count(whose: sa.ColumnElement[bool], mode: AnswerMode, *kinds: AnswerKind) -> int:
                recent = (whose, usage.answered_at > at - ANSWERS_PERIOD)
                alike = (usage.mode == mode.value, usage.kind.in_([each.value for each in kinds]))
                return connection.execute(sa.select(sa.func.count()).where(*recent, *alike)).scalar_one()

            if kind is AnswerKind.ANSWER:
                may_reply = count(mine, AnswerMode.REPLY, kind) < MOST_ANSWERS
            else:
                may_reply = (
                    count(mine, AnswerMode.REPLY, kind) < MOST_REFUSALS
                    and count(here, AnswerMode.REPLY, kind) < MOST_REFUSALS_OF_A_REPOSITORY
                )
            if may_reply:
                return AnswerMode.REPLY
            may_react = (
                count(mine, AnswerMode.REACTION, *AnswerKind) < MOST_REACTIONS
                and count(here, AnswerMode.REACTION, *AnswerKind) < MOST_REACTIONS_OF_A_REPOSITORY
            )
            return AnswerMode.REACTION if may_react else AnswerMode.NONE

        return await self._transaction(claim)


class Confirmations(Store):
    """`bot.execution.services.Confirmations`."""

    async def ask(self, identity: str, *, login: str, repository: str, number: int, at: datetime) -> None:
        thread = {"login": login.lower(), "repository": repository.lower(), "number": number}
        row = self._insert(CONFIRMATIONS).values(identity=identity, **thread, requested_at=at, state=_WAITING)
        await self._run(row.on_conflict_do_nothing())

    async def confirm(self, *, login: str, repository: str, number: int) -> list[str]:
        table = CONFIRMATIONS.c
        waiting = (table.login == login.lower(), table.repository == repository.lower(), table.number == number)
        update = CONFIRMATIONS.update().where(*waiting, table.state == _WAITING).values(state=_CONFIRMED)
        return sorted(row.identity for row in await self._run(update.returning(table.identity)))

    async def is_confirmed(self, identity: str) -> bool:
        query = sa.select(CONFIRMATIONS.c.state).where(CONFIRMATIONS.c.identity == identity)
        return any(row.state == _CONFIRMED for row in await self._run(query))

    async def requested_at(self, identity: str) -> datetime | None:
        query = sa.select(CONFIRMATIONS.c.requested_at).where(CONFIRMATIONS.c.identity == identity)
        return next((row.requested_at for row in await self._run(query)), None)

    async def forget(self, identity: str) -> None:
        await self._run(CONFIRMATIONS.delete().where(CONFIRMATIONS.c.identity == identity))
