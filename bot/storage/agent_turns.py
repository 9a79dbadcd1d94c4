"""The queue of agents' turns: which is next, who works on it, and its end. All calls block.

A turn is queued, then running, then ended. A worker that runs it renews its heartbeat, by the database's clock; a turn
whose heartbeat is older than the lease is taken over by whoever asks next. Only the worker that holds a turn can end
it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from bot.storage.agent_models import Changes, RunStatus, TurnState, Used
from bot.storage.agent_turn_order import FreeTurn, TurnLimits, in_order
from bot.storage.agents import cleaned
from bot.storage.database import exclude_others, is_shared
from bot.storage.queries import BlockingStore
from bot.storage.tables import AGENT_COMMITS, AGENT_PULL_REQUESTS, AGENT_RUNS, AGENT_TURNS, AGENT_USERS, UtcDateTime
from bot.text.redaction.redact import redact
from bot.text.untrusted import cut

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTurn:
    """A turn that a worker has taken, with what it needs of its run.

    :param number: from 1 in each run
    :param images: data URIs
    :param takeovers: how often a worker vanished while it ran this turn
    :param is_continued: whether another worker has begun it, and vanished or gave it back
    :param login: the user whose token created the run
    :param person: the login of the person who asks for this turn; None if it is not known
    :param asked_in: the repository whose budgets apply; None: `repository`
    :param thread: the number of the issue or pull request where the run was asked for
    :param purpose: why there is this run: `bot.storage.agent_models.Purpose`
    :param repository: ``owner/name``; None if the run names none
    :param session_id: the agent's own, from an earlier turn or from a worker that vanished
    :param branch: to which the run has pushed
    """

    id: int
    run_id: int
    number: int
    prompt: str
    images: tuple[str, ...]
    takeovers: int
    is_continued: bool
    login: str
    person: str | None
    asked_in: str | None
    thread: int | None
    agent: str
    model: str | None
    repository: str | None
    pull_request: int | None
    metadata: Mapping[str, Any]
    purpose: str
    session_id: str | None
    branch: str | None
    cancel_wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPullRequest:
    """A pull request that a run has opened, or on which it works."""

    repository: str
    number: int
    title: str
    url: str
    head_branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnd:
    """How a turn ended.

    :param status: the run's, unless another turn waits already
    :param used: by this turn
    :param commit: the commit that was pushed; None if none was
    :param changes: of the run's branch; None if this turn has published nothing
    """

    status: str
    result: str
    summary: str | None = None
    session_id: str | None = None
    branch: str | None = None
    commit: str | None = None
    used: Used = field(default_factory=Used)
    changes: Changes | None = None
    pull_requests: Sequence[OpenedPullRequest] = field(default=())


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The result of a heartbeat.

    :param held: the turns that are still this worker's
    :param cancelled: those of them that a user wants to end
    """

    held: frozenset[int]
    cancelled: frozenset[int]


class AgentTurns(BlockingStore):
    """The turns of all runs. Every method raises `bot.errors.StoreError` if the database fails.

    :param lease: seconds after its last heartbeat for which a worker counts as alive
    :param only: the agents whose turns are taken; None: all
    :param never: the agents whose turns are left to other workers
    :param limits: the same for all workers
    """

    def __init__(
        self,
        engine: Engine,
        *,
        lease: float,
        only: Collection[str] | None = None,
        never: Collection[str] = (),
        limits: TurnLimits = TurnLimits(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__(engine)
        self._lease = lease
        self._only = only
        self._never = never
        self._limits = limits
        self._is_shared = is_shared(engine)

    def claim(self, worker: str, *, working_on: Collection[int] = ()) -> TakenTurn | None:
        """Takes the next turn (`bot.storage.agent_turn_order`). A run's turns are taken in order and one at a time.

        :param worker: its id, unique to one start of a process
        :param working_on: turns that run there, even if its heartbeat is late
        """
        with self._begin() as connection:
            if not self._free(connection, working_on):
                return None
            # What is running is counted, so that no two may count at once. One that freezes here is cut off by the
            # database (`bot.storage.database.CONNECTION`) before its lease ends.
            exclude_others(connection, "turns of agents")
            for free in self._free(connection, working_on):
                # The run before its turn, as all do who change both: else two would wait for each other.
                lock = (
                    sa.select(AGENT_RUNS.c.id).where(AGENT_RUNS.c.id == free.run_id).with_for_update(skip_locked=True)
                )
                if (
                    connection.execute(lock).all()
                    and connection.execute(self._taking(free.id, worker, working_on)).rowcount
                ):
                    return _taken(connection, free.id, is_continued=free.was_begun)
        return None

    def beat(self, worker: str, *, working_on: Collection[int] | None = None) -> Heartbeat:
        """Renews the heartbeat of the turns that this worker holds.

        :param working_on: those that it has not given up; None: all
        """
        wanted = _held(worker) if working_on is None else (*_held(worker), AGENT_TURNS.c.id.in_(working_on))
        renewal = AGENT_TURNS.update().where(*wanted).values(heartbeat_at=self._now())
        with self._begin() as connection:
            held = connection.execute(renewal.returning(AGENT_TURNS.c.id, AGENT_TURNS.c.run_id)).all()
            query = sa.select(AGENT_RUNS.c.id).where(
                AGENT_RUNS.c.id.in_([row.run_id for row in held]), AGENT_RUNS.c.cancel_wanted
            )
            cancelled = set(connection.execute(query).scalars()) if held else set()
        return Heartbeat(
            frozenset(row.id for row in held), frozenset(row.id for row in held if row.run_id in cancelled)
        )

    def note_session(self, turn: TakenTurn, session_id: str, *, worker: str) -> None:
        """Stores the agent's session as soon as there is one, for the worker that may have to take over."""
        is_held = sa.exists().where(AGENT_TURNS.c.id == turn.id, *_held(worker))
        with self._begin() as connection:
            connection.execute(_run(turn).where(is_held).values(session_id=_stored(session_id)))

    def note_branch(
        self,
        turn: TakenTurn,
        branch: str,
        *,
        worker: str,
        pull_request: OpenedPullRequest | None = None,
        at: datetime,
    ) -> None:
        """Stores the branch of the run before anything is pushed to it.

        :param pull_request: on which the run works
        """
        is_held = sa.exists().where(AGENT_TURNS.c.id == turn.id, *_held(worker))
        with self._begin() as connection:
            is_ours = connection.execute(_run(turn).where(is_held).values(branch=_stored(branch))).rowcount
            if is_ours and pull_request is not None:
                self._link(connection, turn, [pull_request], at=at)

    def note_used(self, turn: TakenTurn, used: Used, *, worker: str) -> None:
        """Stores what a turn has used so far."""
        values = asdict(_possible(used))
        with self._begin() as connection:
            connection.execute(AGENT_TURNS.update().where(AGENT_TURNS.c.id == turn.id, *_held(worker)).values(values))

    def hand_over(self, turn: TakenTurn, *, worker: str) -> None:
        """Gives a turn back: another worker may take it at once, and this does not count as one that vanished."""
        values = {"state": TurnState.QUEUED.value, "worker": None, "heartbeat_at": None}
        with self._begin() as connection:
            connection.execute(AGENT_TURNS.update().where(AGENT_TURNS.c.id == turn.id, *_held(worker)).values(values))

    def finish(self, turn: TakenTurn, end: TurnEnd, *, worker: str, at: datetime) -> bool:
        """Ends a turn, all or nothing.

        :returns: False if it is not this worker's any more; nothing is stored then
        """
        with self._begin() as connection:
            run = AGENT_RUNS.c
            # The run before its turn, as all do who change both.
            connection.execute(sa.select(run.id).where(run.id == turn.run_id).with_for_update())
            # Images are megabytes, and the log does not show them.
            used = _possible(end.used)
            ended: dict[str, Any] = {"state": TurnState.ENDED.value, "ended_at": at, "images": [], **asdict(used)}
            ending = AGENT_TURNS.update().where(AGENT_TURNS.c.id == turn.id, *_held(worker)).values(ended)
            if not connection.execute(ending).rowcount:
                return False
            waiting = (AGENT_TURNS.c.run_id == turn.run_id, AGENT_TURNS.c.state == TurnState.QUEUED.value)
            count = connection.execute(sa.select(sa.func.count()).select_from(AGENT_TURNS).where(*waiting)).scalar_one()
            values: dict[str, Any] = {
                "status": RunStatus.PENDING.value if count else end.status,
                "ended_at": None if count else at,
                "result": _shown(end.result),
                "summary": None if end.summary is None else _shown(end.summary),
                "cancel_wanted": False,
                "session_id": sa.func.coalesce(_stored(end.session_id), run.session_id),
                "branch": sa.func.coalesce(_stored(end.branch), run.branch),
                **{
                    name: sa.func.coalesce(run[name], 0) + amount
                    for name, amount in asdict(used).items()
                    if name != "is_estimated" and amount is not None
                },
                **({"is_estimated": True} if used.is_estimated else {}),
            }
            if end.changes is not None:
                values["changed_files"] = end.changes.files
                values |= {"additions": end.changes.additions, "deletions": end.changes.deletions}
            connection.execute(_run(turn).values(values))
            if end.pull_requests:
                self._link(connection, turn, end.pull_requests, at=at)
            if end.commit is not None:
                pushed = {"sha": end.commit, "run_id": turn.run_id, "pushed_at": at}
                connection.execute(self._insert(AGENT_COMMITS).on_conflict_do_nothing(), [pushed])
        return True

    def _link(
        self, connection: Connection, turn: TakenTurn, pull_requests: Sequence[OpenedPullRequest], *, at: datetime
    ) -> None:
        rows = [
            {
                "run_id": turn.run_id,
                "repository": each.repository,
                "number": each.number,
                "title": _shown(each.title),
                "url": each.url,
                "head_branch": each.head_branch,
                "created_at": at,
            }
            for each in pull_requests
        ]
        connection.execute(self._insert(AGENT_PULL_REQUESTS).on_conflict_do_nothing(), rows)

    def _free(self, connection: Connection, working_on: Collection[int]) -> list[FreeTurn]:
        return in_order(connection, self._is_free(working_on), only=self._only, never=self._never, limits=self._limits)

    def _taking(self, turn_id: int, worker: str, working_on: Collection[int]) -> sa.Update:
        turn = AGENT_TURNS.c
        chosen = (
            sa.select(turn.id).where(turn.id == turn_id, self._is_free(working_on)).with_for_update(skip_locked=True)
        )
        vanished = sa.case((turn.state == TurnState.RUNNING.value, 1), else_=0)
        return (
            AGENT_TURNS.update()
            .where(turn.id.in_(chosen.scalar_subquery()))
            .values(
                state=TurnState.RUNNING.value,
                worker=worker,
                heartbeat_at=self._now(),
                started_at=sa.func.coalesce(turn.started_at, self._now()),
                attempts=turn.attempts + vanished,
            )
        )

    def _is_free(self, working_on: Collection[int]) -> sa.ColumnElement[bool]:
        turn, earlier = AGENT_TURNS.c, AGENT_TURNS.alias()
        is_vanished = sa.and_(
            turn.state == TurnState.RUNNING.value,
            turn.heartbeat_at < self._now(-self._lease),
            # A worker that was frozen itself still holds its turns until another one has taken them.
            turn.id.not_in(working_on),
        )
        is_later = sa.exists().where(
            earlier.c.run_id == turn.run_id,
            earlier.c.number < turn.number,
            earlier.c.state != TurnState.ENDED.value,
        )
        return sa.and_(sa.or_(turn.state == TurnState.QUEUED.value, is_vanished), ~is_later)

    def _now(self, seconds: float = 0.0) -> sa.ColumnElement[datetime]:
        """The database's clock; SQLite's CURRENT_TIMESTAMP has whole seconds only."""
        if self._is_shared:
            return sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)) + timedelta(seconds=seconds)
        moment = sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now", f"{seconds:+.3f} seconds")
        return sa.type_coerce(moment, UtcDateTime())


def _run(turn: TakenTurn) -> sa.Update:
    return AGENT_RUNS.update().where(AGENT_RUNS.c.id == turn.run_id)


def _held(worker: str) -> tuple[sa.ColumnElement[bool], ...]:
    return AGENT_TURNS.c.worker == worker, AGENT_TURNS.c.state == TurnState.RUNNING.value


LONGEST_RESULT = 50_000
"""Characters: lists have a hundred results on a page, and are polled. A comment on GitHub has room for 65,536."""


def _shown(text: str) -> str:
    """What an agent wrote, as everybody may see it."""
    return cut(redact(cleaned(text)), LONGEST_RESULT, more="\n\n[The rest is in the run's log.]")


def _stored(text: str | None) -> str | None:
    return None if text is None else cleaned(text)


MOST_USED = 2**50
"""Tokens, or dollars, of one turn: what an agent reports may be anything."""


def _possible(used: Used) -> Used:
    """Without what no turn can have used."""

    def checked(number: N | None) -> N | None:
        return number if number is not None and 0 <= number <= MOST_USED else None

    cost = checked(used.cost)
    return Used(
        input_tokens=checked(used.input_tokens),
        output_tokens=checked(used.output_tokens),
        cost=cost,
        is_estimated=used.is_estimated and cost is not None,
    )


def _taken(connection: Connection, turn_id: int, *, is_continued: bool) -> TakenTurn:
    turn, run = AGENT_TURNS.c, AGENT_RUNS.c
    # Everything of the run must be new: it may have been changed while the turn waited.
    connection.execute(
        AGENT_RUNS.update()
        .where(run.id == sa.select(turn.run_id).where(turn.id == turn_id).scalar_subquery())
        .values(status=RunStatus.ACTIVE.value, ended_at=None)
    )
    query = (
        sa.select(AGENT_TURNS, AGENT_RUNS, AGENT_USERS.c.login, turn.id.label("turn_id"))
        .join(AGENT_RUNS, run.id == turn.run_id)
        .outerjoin(AGENT_USERS, AGENT_USERS.c.id == run.user_id)
        .where(turn.id == turn_id)
    )
    [row] = connection.execute(query).mappings()
    return TakenTurn(
        id=row[turn.id],
        run_id=row[turn.run_id],
        number=row[turn.number],
        prompt=row[turn.prompt],
        images=tuple(row[turn.images] or ()),
        takeovers=row[turn.attempts],
        is_continued=is_continued,
        login=row[AGENT_USERS.c.login] or "",
        person=row[turn.person] or row[run.person],
        asked_in=row[run.asked_in],
        thread=row[run.thread],
        agent=row[run.agent],
        model=row[run.model],
        repository=row[run.repository],
        pull_request=row[run.pull_request],
        metadata=row[run.metadata] or {},
        purpose=row[run.purpose],
        session_id=row[run.session_id],
        branch=row[run.branch],
        cancel_wanted=row[run.cancel_wanted],
    )
