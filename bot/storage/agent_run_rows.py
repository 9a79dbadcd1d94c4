"""Reads runs of agents of your own from the database: each with its pull requests and with what its turns add to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.storage.agent_models import Changes, Purpose, StoredPullRequest, StoredRun, TurnState, Used
from bot.storage.tables import AGENT_PULL_REQUESTS, AGENT_RUNS, AGENT_TURNS

_USED = ("input_tokens", "output_tokens", "cost", "is_estimated")


def one_run(connection: Connection, run_id: int) -> StoredRun:
    [run] = runs_of(connection, sa.select(AGENT_RUNS).where(AGENT_RUNS.c.id == run_id))
    return run


def runs_of(connection: Connection, query: sa.Select[Any]) -> list[StoredRun]:
    """:param query: selects rows of AGENT_RUNS"""
    rows = [dict(row) for row in connection.execute(query).mappings()]
    turns = _turns(connection, [row["id"] for row in rows])
    pull_requests: dict[int, list[StoredPullRequest]] = {row["id"]: [] for row in rows}
    if rows:
        of_runs = AGENT_PULL_REQUESTS.c.run_id.in_(pull_requests)
        found = sa.select(AGENT_PULL_REQUESTS).where(of_runs).order_by(AGENT_PULL_REQUESTS.c.id)
        for row in connection.execute(found).mappings():
            pull_requests[row["run_id"]].append(StoredPullRequest(**row))
    return [
        StoredRun(
            purpose=Purpose(row.pop("purpose")),
            is_cancelling=row.pop("cancel_wanted"),
            pull_requests=tuple(pull_requests[row["id"]]),
            used=_used(row) + turns[row["id"]].used,
            changes=_changes(row),
            worked=turns[row["id"]].worked,
            working_since=turns[row["id"]].working_since,
            **row,
        )
        for row in rows
    ]


@dataclass(slots=True)
class _Turns:
    """:param used: by the running one"""

    worked: float = 0.0
    working_since: datetime | None = None
    used: Used = field(default_factory=Used)


def _turns(connection: Connection, run_ids: Sequence[int]) -> dict[int, _Turns]:
    """What the turns of these runs add to them."""
    found = {run_id: _Turns() for run_id in run_ids}
    turn = AGENT_TURNS.c
    columns = (turn.run_id, turn.state, turn.started_at, turn.ended_at)
    query = sa.select(*columns, *(turn[name] for name in _USED)).where(
        turn.run_id.in_(run_ids), turn.started_at.is_not(None)
    )
    for row in connection.execute(query).mappings() if run_ids else ():
        turns = found[row["run_id"]]
        if row["ended_at"] is not None:
            # The start is by the database's clock, the end by the worker's.
            turns.worked += max(0.0, (row["ended_at"] - row["started_at"]).total_seconds())
        elif row["state"] == TurnState.RUNNING.value:
            turns.working_since = row["started_at"]
            turns.used = Used(**{name: row[name] for name in _USED})
    return found


def _used(row: dict[str, Any]) -> Used:
    return Used(**{name: row.pop(name) for name in _USED})


def _changes(row: dict[str, Any]) -> Changes | None:
    files, additions, deletions = (row.pop(name) for name in ("changed_files", "additions", "deletions"))
    return None if files is None else Changes(files=files, additions=additions or 0, deletions=deletions or 0)
