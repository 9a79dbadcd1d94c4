"""Stores runs of agents that have ended, with the dates of that time: the demo's history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from bot.storage.agent_models import Changes, Purpose, RunStatus, TurnState, Used
from bot.storage.agent_turns import OpenedPullRequest
from bot.storage.queries import BlockingStore
from bot.storage.tables import AGENT_LOG_ENTRIES, AGENT_PULL_REQUESTS, AGENT_RUNS, AGENT_TURNS


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run of one turn that has ended.

    :param person: the login of the person for whom it worked
    :param took: seconds from its start to its end
    :param log: seconds since its start and the entry, as the API shows it
    """

    agent: str
    person: str
    repository: str
    prompt: str
    metadata: Mapping[str, Any]
    started_at: datetime
    took: float
    status: RunStatus
    result: str
    used: Used
    changes: Changes | None = None
    pull_request: OpenedPullRequest | None = None
    log: Sequence[tuple[float, Mapping[str, Any]]] = ()

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.took)


class PastRuns(BlockingStore):
    """Every method raises `bot.errors.StoreError` if the database fails."""

    def add(self, runs: Sequence[PastRun], *, user_id: int) -> list[int]:
        """Stores runs in this order, all or none.

        :param user_id: of the token's owner who started them
        :returns: their ids
        """
        with self._begin() as connection:
            return [_add(connection, run, user_id) for run in runs]


def _add(connection: Connection, run: PastRun, user_id: int) -> int:
    used = {
        "input_tokens": run.used.input_tokens,
        "output_tokens": run.used.output_tokens,
        "cost": run.used.cost,
        "is_estimated": run.used.is_estimated,
    }
    changes = run.changes
    values = {
        "status": run.status.value,
        "created_at": run.started_at,
        "ended_at": run.ended_at,
        "user_id": user_id,
        "person": run.person,
        "agent": run.agent,
        "repository": run.repository,
        "metadata": run.metadata,
        "source_type": "API",
        "purpose": Purpose.PROMPT.value,
        "result": run.result,
        "log_entries": len(run.log),
        **used,
        **(
            {"changed_files": changes.files, "additions": changes.additions, "deletions": changes.deletions}
            if changes
            else {}
        ),
    }
    run_id = int(connection.execute(AGENT_RUNS.insert().values(values).returning(AGENT_RUNS.c.id)).scalar_one())
    turn: dict[str, Any] = {
        "run_id": run_id,
        "number": 1,
        "prompt": run.prompt,
        "images": [],
        "state": TurnState.ENDED.value,
        "person": run.person,
        "created_at": run.started_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        **used,
    }
    connection.execute(AGENT_TURNS.insert().values(turn))
    _add_log(connection, run, run_id)
    if (opened := run.pull_request) is not None:
        link = {
            "run_id": run_id,
            "repository": opened.repository,
            "number": opened.number,
            "title": opened.title,
            "url": opened.url,
            "head_branch": opened.head_branch,
            "created_at": run.ended_at,
        }
        connection.execute(AGENT_PULL_REQUESTS.insert().values(link))
    return run_id


def _add_log(connection: Connection, run: PastRun, run_id: int) -> None:
    rows = []
    for position, (seconds, entry) in enumerate(run.log):
        at = run.started_at + timedelta(seconds=seconds)
        document = {"created_at": at.isoformat(), **entry}
        rows.append({"run_id": run_id, "position": position, "created_at": at, "document": document})
    if rows:
        connection.execute(AGENT_LOG_ENTRIES.insert(), rows)
