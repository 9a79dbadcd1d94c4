"""The runs of agents of your own: their logs, pull requests and flags; repositories' settings; sandboxes' logs.

All calls block. `bot.storage.agent_models` has what they take and return, `bot.storage.agent_turns` is the queue of the
runs' turns, `bot.storage.agent_users` has the users.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.storage.agent_models import (
    UNFINISHED,
    EarlierTurns,
    Holder,
    NewRun,
    NewTurn,
    RunStatus,
    StoredPullRequest,
    StoredRun,
    StoredSandbox,
    TurnCounts,
    TurnState,
)
from bot.storage.agent_run_rows import one_run, runs_of
from bot.storage.database import check_file
from bot.storage.queries import BlockingStore
from bot.storage.tables import (
    AGENT_CHECK_ROUNDS,
    AGENT_LOG_ENTRIES,
    AGENT_PULL_REQUESTS,
    AGENT_REPOSITORIES,
    AGENT_RUNS,
    AGENT_SANDBOXES,
    AGENT_TURNS,
)

RUNS_AT_ONCE = 20
"""Runs whose logs are deleted in one transaction: each may have a hundred thousand entries."""

CANCELLED_EARLY = "This was stopped before an agent began. Resume the run to have it done after all."
"""The result of a run that no worker had taken."""


_ENDS = ("FINAL_ANSWER", "ERROR")
"""Types of the last entry of a turn."""

MOST_LOOKED_AT = 100
"""Entries at the log's end."""


class AgentStore(BlockingStore):
    """Every method raises `bot.errors.StoreError` if the database fails."""

    # Runs

    def number_from(self, first: int) -> None:
        """Makes the runs' numbers begin there. For a new database of SQLite."""
        with self._begin() as connection:
            connection.execute(
                sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"),
                {"name": AGENT_RUNS.name, "seq": first - 1},
            )

    def create_run(self, new: NewRun, *, at: datetime) -> StoredRun:
        """Stores a run; its first turn waits for a worker."""
        check_file(self._engine)
        values = {
            "status": RunStatus.PENDING.value,
            "created_at": at,
            "user_id": new.user_id,
            "agent": new.agent,
            "model": new.model,
            "repository": new.repository,
            "pull_request": new.pull_request,
            "metadata": new.metadata,
            "source_type": new.source_type,
            "purpose": new.purpose.value,
            "person": new.turn.person,
            "asked_in": new.asked_in,
            "thread": new.thread,
        }
        with self._begin() as connection:
            run_id = connection.execute(AGENT_RUNS.insert().values(values).returning(AGENT_RUNS.c.id)).scalar_one()
            _add_turn(connection, run_id, new.turn, number=1, at=at)
            return one_run(connection, run_id)

    def run(self, run_id: int) -> StoredRun | None:
        with self._begin() as connection:
            return next(iter(runs_of(connection, sa.select(AGENT_RUNS).where(AGENT_RUNS.c.id == run_id))), None)

    def runs(
        self, *, skip: int = 0, limit: int = 100, user_id: int | None = None, source_type: str | None = None
    ) -> tuple[list[StoredRun], int]:
        """:returns: runs, newest first, and how many there are with this user and source"""
        run = AGENT_RUNS.c
        wanted = [
            column == value for column, value in ((run.user_id, user_id), (run.source_type, source_type)) if value
        ]
        query = sa.select(AGENT_RUNS).where(*wanted).order_by(run.id.desc()).offset(skip).limit(limit)
        with self._begin() as connection:
            total = connection.execute(sa.select(sa.func.count()).select_from(AGENT_RUNS).where(*wanted)).scalar_one()
            return runs_of(connection, query), total

    def resume_run(self, run_id: int, turn: NewTurn, *, at: datetime, is_check_round: bool = False) -> StoredRun | None:
        """Adds a turn to a run; None if there is no such run.

        :param is_check_round: whether the bot itself resumes it because of failed checks; else its rounds are over
        """
        check_file(self._engine)
        run, own = AGENT_RUNS.c, AGENT_TURNS.c.run_id == run_id
        with self._begin() as connection:
            # Locks the row: turns are numbered one after the other.
            found = connection.execute(
                _of(run_id).values(removed=run.removed).returning(run.status, run.person)
            ).one_or_none()
            if found is None:
                return None
            if turn.person is None:
                turn = replace(turn, person=found.person)
            number = connection.execute(sa.select(sa.func.max(AGENT_TURNS.c.number)).where(own)).scalar_one()
            _add_turn(connection, run_id, turn, number=number + 1, at=at)
            if not is_check_round:
                end_check_rounds(connection, [run_id])
            if found.status not in UNFINISHED:
                values = {
                    "status": RunStatus.PENDING.value,
                    "ended_at": None,
                    "result": None,
                    "summary": None,
                    "cancel_wanted": False,
                }
                connection.execute(_of(run_id).values(values))
            return one_run(connection, run_id)

    def queued_turns(self) -> int:
        """How many turns wait for a worker."""
        query = sa.select(sa.func.count()).select_from(AGENT_TURNS).where(AGENT_TURNS.c.state == TurnState.QUEUED.value)
        with self._begin() as connection:
            return int(connection.execute(query).scalar_one())

    def turn_counts(self) -> TurnCounts:
        turn = AGENT_TURNS.c
        query = (
            sa.select(turn.state, sa.func.count(), sa.func.min(turn.created_at))
            .where(turn.state.in_((TurnState.QUEUED.value, TurnState.RUNNING.value)))
            .group_by(turn.state)
        )
        with self._begin() as connection:
            found = {state: (count, oldest) for state, count, oldest in connection.execute(query)}
        queued, oldest = found.get(TurnState.QUEUED.value, (0, None))
        return TurnCounts(queued, found.get(TurnState.RUNNING.value, (0, None))[0], oldest)

    # Flags and cancellation

    def ban_checks(self, run_id: int, *, at: datetime) -> list[int]:
        """Flags the run and all others on its pull requests, and stops them. One without a pull request continues.

        :returns: the runs that are stopped
        """
        with self._begin() as connection:
            run_ids, is_on_one = on_same_pull_request(connection, run_id)
            connection.execute(_of(*run_ids).values(checks_banned=True))
            return _cancel(connection, run_ids, at=at) if is_on_one else []

    def remove_from_pull_request(self, run_id: int, *, at: datetime) -> list[int]:
        """The same, but a run without a pull request is stopped too."""
        with self._begin() as connection:
            run_ids, _ = on_same_pull_request(connection, run_id)
            connection.execute(_of(*run_ids).values(checks_banned=True, removed=True))
            return _cancel(connection, run_ids, at=at)

    def unban_checks(self, run_id: int) -> None:
        with self._begin() as connection:
            run_ids, _ = on_same_pull_request(connection, run_id)
            connection.execute(_of(*run_ids).values(checks_banned=False, removed=False))
            end_check_rounds(connection, run_ids)

    def cancel_run(self, run_id: int, *, at: datetime) -> bool:
        """Stops a run: its waiting turns end now, its running one as soon as its worker has stopped the agent.

        :returns: whether there is something to stop
        """
        with self._begin() as connection:
            return bool(_cancel(connection, [run_id], at=at))

    # Logs

    def append_log(
        self, run_id: int, entries: Sequence[Mapping[str, Any]], *, at: datetime, holder: Holder | None = None
    ) -> None:
        """Appends entries in this order, all or none; those of a run that is gone are dropped.

        :param entries: documents as the API shows them, redacted
        :param holder: who writes; dropped are also the entries of one that has lost its turn
        """
        with self._begin() as connection:
            _append(connection, run_id, entries, at=at, holder=holder)

    def log(self, run_id: int, *, skip: int = 0, limit: int = 100, newest_first: bool = False) -> list[dict[str, Any]]:
        """A slice of a run's log; `StoredRun.log_entries` says how many there are."""
        entry = AGENT_LOG_ENTRIES.c
        with self._begin() as connection:
            total = connection.execute(
                sa.select(AGENT_RUNS.c.log_entries).where(AGENT_RUNS.c.id == run_id)
            ).scalar_one_or_none()
            # Positions have no gaps: a slice far behind costs no more than the first one.
            end = (total or 0) - skip if newest_first else skip + limit
            query = (
                sa.select(entry.document)
                .where(entry.run_id == run_id, entry.position >= end - limit, entry.position < end)
                .order_by(entry.position.desc() if newest_first else entry.position)
            )
            return [dict(document) for document in connection.execute(query).scalars()]

    def earlier_turns(self, run_id: int, *, before: int) -> EarlierTurns:
        """The turns of a run before the one with this number."""
        turn = AGENT_TURNS.c
        asked = sa.select(turn.prompt).where(turn.run_id == run_id, turn.number < before).order_by(turn.number)
        with self._begin() as connection:
            prompts = tuple(filter(None, connection.execute(asked).scalars()))
        # Just before the new turn's first entries: a log may have a hundred thousand.
        latest = self.log(run_id, limit=MOST_LOOKED_AT, newest_first=True)
        ends = (each.get("observation") for each in latest if each.get("message_type") in _ENDS)
        return EarlierTurns(prompts, next(filter(None, ends), None))

    def delete_old_logs(self, *, before: datetime) -> int:
        """Deletes the logs of some of the runs that ended before that time, with their sandboxes' logs and their
        prompts; the runs themselves, with their results, stay.

        :returns: of how many runs; 0 if there is nothing more to delete
        """
        run, entry = AGENT_RUNS.c, AGENT_LOG_ENTRIES.c
        ended = sa.select(run.id).where(run.ended_at < before, run.log_entries > 0, run.status.not_in(UNFINISHED))
        with self._begin() as connection:
            chosen = ended.order_by(run.id).limit(RUNS_AT_ONCE).with_for_update(skip_locked=True)
            run_ids = [*connection.execute(chosen).scalars()]
            if run_ids:
                connection.execute(AGENT_LOG_ENTRIES.delete().where(entry.run_id.in_(run_ids)))
                connection.execute(AGENT_SANDBOXES.delete().where(AGENT_SANDBOXES.c.run_id.in_(run_ids)))
                prompts = AGENT_TURNS.update().where(AGENT_TURNS.c.run_id.in_(run_ids))
                connection.execute(prompts.values(prompt="", images=[]))
                connection.execute(_of(*run_ids).values(log_entries=0))
        return len(run_ids)

    # Pull requests

    def pull_request(self, pull_request_id: int) -> StoredPullRequest | None:
        """:param pull_request_id: the bot's own"""
        query = sa.select(AGENT_PULL_REQUESTS).where(AGENT_PULL_REQUESTS.c.id == pull_request_id)
        with self._begin() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else StoredPullRequest(**row)

    # Repositories

    def check_settings(self, repository_id: int) -> Mapping[str, Any]:
        """What was set for a repository; empty if nothing was.

        :param repository_id: GitHub's, as everywhere
        """
        query = sa.select(AGENT_REPOSITORIES.c.check_settings).where(AGENT_REPOSITORIES.c.id == repository_id)
        with self._begin() as connection:
            return connection.execute(query).scalar_one_or_none() or {}

    def change_check_settings(self, repository_id: int, change: Mapping[str, Any], *, full_name: str) -> None:
        """Sets these settings of a repository; the others stay."""
        repository = AGENT_REPOSITORIES.c
        with self._begin() as connection:
            known = self._upsert(AGENT_REPOSITORIES, {"id": repository_id}, {"full_name": full_name})
            before = connection.execute(known.returning(repository.check_settings)).scalar_one() or {}
            merged = {"check_settings": {**before, **change}}
            connection.execute(AGENT_REPOSITORIES.update().where(repository.id == repository_id).values(merged))

    def setup_commands(self, full_name: str) -> str | None:
        """The commands that a repository's workspaces run first, one a line; None if there are none."""
        repository = AGENT_REPOSITORIES.c
        query = sa.select(repository.setup_commands).where(sa.func.lower(repository.full_name) == full_name.lower())
        with self._begin() as connection:
            # A deleted repository's name may belong to a younger one.
            return connection.execute(query.order_by(repository.id.desc()).limit(1)).scalar_one_or_none()

    def repositories_with_setup_commands(self) -> set[int]:
        query = sa.select(AGENT_REPOSITORIES.c.id).where(AGENT_REPOSITORIES.c.setup_commands.is_not(None))
        with self._begin() as connection:
            return set(connection.execute(query).scalars())

    def set_setup_commands(self, repository_id: int, commands: str | None, *, full_name: str) -> None:
        values = {"full_name": full_name, "setup_commands": commands or None}
        with self._begin() as connection:
            connection.execute(self._upsert(AGENT_REPOSITORIES, {"id": repository_id}, values))

    # Sandboxes

    def add_sandbox(self, run_id: int, *, repository: str | None, log: str, at: datetime) -> int:
        """Stores what the set-up of a run's workspace printed, redacted.

        :returns: the sandbox's id
        """
        values = {"run_id": run_id, "repository": repository, "log": cleaned(log), "created_at": at}
        with self._begin() as connection:
            statement = AGENT_SANDBOXES.insert().values(values).returning(AGENT_SANDBOXES.c.id)
            return int(connection.execute(statement).scalar_one())

    def sandbox(self, sandbox_id: int) -> StoredSandbox | None:
        with self._begin() as connection:
            row = connection.execute(sa.select(AGENT_SANDBOXES).where(AGENT_SANDBOXES.c.id == sandbox_id)).first()
        return None if row is None else StoredSandbox(*row)


def end_check_rounds(connection: Connection, run_ids: Sequence[int]) -> None:
    """Somebody has seen to the runs: the rounds after this count anew."""
    done = AGENT_CHECK_ROUNDS.update().where(AGENT_CHECK_ROUNDS.c.run_id.in_(run_ids))
    connection.execute(done.values(is_over=True))


def cleaned(text: str) -> str:
    """The text without what a database or JSON cannot hold: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _of(*run_ids: int) -> sa.Update:
    return AGENT_RUNS.update().where(AGENT_RUNS.c.id.in_(run_ids))


def _add_turn(connection: Connection, run_id: int, turn: NewTurn, *, number: int, at: datetime) -> None:
    values = {
        "run_id": run_id,
        "number": number,
        "prompt": cleaned(turn.prompt),
        "images": [*turn.images],
        "person": turn.person,
        "state": TurnState.QUEUED.value,
        "created_at": at,
    }
    connection.execute(AGENT_TURNS.insert().values(values))
    _append(connection, run_id, [turn.entry], at=at)


def _append(
    connection: Connection,
    run_id: int,
    entries: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    holder: Holder | None = None,
) -> None:
    count = AGENT_RUNS.c.log_entries
    # Also locks the row: several may append at once, and positions have no gaps.
    counted = _of(run_id).values(log_entries=count + len(entries)).returning(count)
    if holder is not None:
        turn = AGENT_TURNS.c
        is_held = (turn.id == holder.turn_id, turn.worker == holder.worker, turn.state == TurnState.RUNNING.value)
        counted = counted.where(sa.exists().where(*is_held))
    total = connection.execute(counted).scalar_one_or_none()
    if total is None or not entries:
        return
    first = total - len(entries)
    rows = [
        {"run_id": run_id, "position": first + number, "created_at": at, "document": entry}
        for number, entry in enumerate(entries)
    ]
    connection.execute(AGENT_LOG_ENTRIES.insert(), rows)


def on_same_pull_request(connection: Connection, run_id: int) -> tuple[list[int], bool]:
    """All runs on the pull requests of a run, itself included.

    :returns: their ids, and whether it has a pull request
    """
    run, pull_request = AGENT_RUNS.c, AGENT_PULL_REQUESTS.c
    opened = sa.select(pull_request.repository, pull_request.number).where(pull_request.run_id == run_id)
    started_on = sa.select(run.repository, run.pull_request).where(
        run.id == run_id, run.repository.is_not(None), run.pull_request.is_not(None)
    )
    places = {(repository, number) for repository, number in connection.execute(opened.union(started_on))}
    found = {run_id}
    for repository, number in places:
        on_it = sa.select(run.id).where(run.repository == repository, run.pull_request == number)
        have_it = sa.select(pull_request.run_id).where(
            pull_request.repository == repository, pull_request.number == number
        )
        found.update(connection.execute(on_it.union(have_it)).scalars())
    return sorted(found), bool(places)


def _cancel(connection: Connection, run_ids: Iterable[int], *, at: datetime) -> list[int]:
    """:returns: those that were not finished"""
    run, turn = AGENT_RUNS.c, AGENT_TURNS.c
    # In one order, so that two transactions do not wait for each other.
    locked = sa.select(run.id).where(run.id.in_([*run_ids]), run.status.in_(UNFINISHED)).order_by(run.id)
    unfinished = [*connection.execute(locked.with_for_update()).scalars()]
    if not unfinished:
        return []
    waiting = AGENT_TURNS.update().where(turn.run_id.in_(unfinished), turn.state == TurnState.QUEUED.value)
    connection.execute(waiting.values(state=TurnState.ENDED.value, ended_at=at, images=[]))
    at_work = sa.select(turn.run_id).where(turn.run_id.in_(unfinished), turn.state == TurnState.RUNNING.value)
    running = set(connection.execute(at_work).scalars())
    connection.execute(_of(*running).values(cancel_wanted=True))
    ended = {"status": RunStatus.CANCELLED.value, "ended_at": at, "result": CANCELLED_EARLY}
    connection.execute(_of(*(run_id for run_id in unfinished if run_id not in running)).values(ended))
    return unfinished
