"""Which of the free turns is next: within the limits of repositories and people, fair between tenants.

A tenant is the owner of a repository, or a person who works without one. Of the tenants the one with the fewest running
turns is next, then the one that was served longest ago; the same holds for the people of a tenant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.storage.agent_models import TurnState
from bot.storage.tables import AGENT_RUNS, AGENT_TURNS

HEADS = 3
"""Turns of one person in one repository that are looked at, the oldest ones: a long queue hides nobody else's."""

RECENT = 200
"""Turns that are looked at to see who was served when."""

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """Turns that all workers together run at once; None: any number."""

    per_repository: int | None = None
    per_person: int | None = None


@dataclass(frozen=True, slots=True)
class FreeTurn:
    """:param was_begun: whether another worker has begun it"""

    id: int
    run_id: int
    was_begun: bool


@dataclass(slots=True)
class _Use:
    """What is running, and who was served when.

    :param running: turns by tenant, person and repository
    :param served: the last start, by tenant and person
    """

    running: Counter[object] = field(default_factory=Counter)
    served: dict[object, datetime] = field(default_factory=dict)


def in_order(
    connection: Connection,
    is_free: sa.ColumnElement[bool],
    *,
    only: Collection[str] | None,
    never: Collection[str],
    limits: TurnLimits,
) -> list[FreeTurn]:
    """The turns that may be taken, in the order in which they should be.

    :param is_free: which turns nobody works on
    :param only: the agents whose turns are taken; None: all
    :param never: the agents whose turns are not
    """
    agent = AGENT_RUNS.c.agent
    own = sa.and_(sa.true() if only is None else agent.in_(only), agent.not_in(never) if never else sa.true())
    free = connection.execute(_heads(sa.and_(is_free, own))).all()
    if not free:
        return []
    use = _use(connection, own)
    allowed = [row for row in free if _is_allowed(row, use, limits)]

    def place(row: Any) -> tuple[int, datetime, int, datetime, int]:
        tenant, person = _tenant(row), _person(row)
        return (
            use.running[tenant],
            use.served.get(tenant, _NEVER),
            use.running[person],
            use.served.get(person, _NEVER),
            row.id,
        )

    return [FreeTurn(row.id, row.run_id, row.started_at is not None) for row in sorted(allowed, key=place)]


def _columns() -> tuple[sa.ColumnElement[Any], ...]:
    turn, run = AGENT_TURNS.c, AGENT_RUNS.c
    return turn.id, turn.run_id, turn.state, turn.started_at, run.user_id, run.repository, turn.person


def _heads(is_wanted: sa.ColumnElement[bool]) -> sa.Select[Any]:
    turn, run = AGENT_TURNS.c, AGENT_RUNS.c
    whose = (run.user_id, sa.func.lower(turn.person), sa.func.lower(run.repository))
    place = sa.func.row_number().over(partition_by=whose, order_by=turn.id)
    ranked = (
        sa.select(turn.id, place.label("place")).join(AGENT_RUNS, run.id == turn.run_id).where(is_wanted).subquery()
    )
    first = sa.select(ranked.c.id).where(ranked.c.place <= HEADS)
    return sa.select(*_columns()).join(AGENT_RUNS, run.id == turn.run_id).where(turn.id.in_(first)).order_by(turn.id)


def _use(connection: Connection, own: sa.ColumnElement[bool]) -> _Use:
    use = _Use()
    turn = AGENT_TURNS.c
    joined = sa.select(*_columns()).join(AGENT_RUNS, AGENT_RUNS.c.id == turn.run_id)
    for row in connection.execute(joined.where(own, turn.state == TurnState.RUNNING.value)):
        # One turn counts once for each: a person without a repository is a tenant too.
        use.running.update({_tenant(row), _person(row), _repository(row)})
    recent = joined.where(turn.started_at.is_not(None)).order_by(turn.started_at.desc()).limit(RECENT)
    for row in connection.execute(recent):
        use.served.setdefault(_tenant(row), row.started_at)
        use.served.setdefault(_person(row), row.started_at)
    return use


def _is_allowed(row: Any, use: _Use, limits: TurnLimits) -> bool:
    """A turn whose worker has vanished still has its slot, and may be taken over."""
    if row.state == TurnState.RUNNING:
        return True
    repository, person = _repository(row), _person(row)
    return (
        limits.per_repository is None or repository is None or use.running[repository] < limits.per_repository
    ) and (limits.per_person is None or use.running[person] < limits.per_person)


def _repository(row: Any) -> object:
    return None if row.repository is None else ("repository", row.repository.lower())


def _tenant(row: Any) -> object:
    return _person(row) if row.repository is None else ("owner", row.repository.lower().partition("/")[0])


def _person(row: Any) -> object:
    """Whose turn it is; if that is not known, everybody with the same token is one person."""
    return ("user", row.user_id) if row.person is None else ("person", row.person.lower())
