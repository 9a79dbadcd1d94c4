"""Runs and turns as the API would store them, for tests of the queue and of the worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.storage.agent_turn_order import TurnLimits
from bot.storage.agent_turns import AgentTurns
from bot.storage.agents import AgentStore
from bot.storage.tables import AGENT_RUNS, AGENT_TURNS, AGENT_USERS

NOW = datetime(2026, 11, 29, 20, tzinfo=UTC)


class Queue:
    """The queue, and what the API would write."""

    def __init__(self, engine: Engine, *, lease: float = 10.0, limits: TurnLimits | None = None) -> None:
        self.engine = engine
        self.turns = AgentTurns(engine, lease=lease, limits=limits or TurnLimits())
        self._users: dict[str, int] = {}

    def add_run(
        self,
        login: str = "alice",
        *,
        metadata: dict[str, Any] | None = None,
        repository: str | None = "octo/shop",
        person: str | None = None,
    ) -> int:
        """A run with its first turn.

        :param login: of the user whose token created it
        :param person: who asks; None: that user
        """
        with self.engine.begin() as connection:
            if login not in self._users:
                user = AGENT_USERS.insert().values(login=login, created_at=NOW).returning(AGENT_USERS.c.id)
                self._users[login] = connection.execute(user).scalar_one()
            run = AGENT_RUNS.insert().values(
                status="PENDING",
                created_at=NOW,
                user_id=self._users[login],
                agent="scripted",
                repository=repository,
                metadata=metadata,
                source_type="API",
                purpose="run",
            )
            run_id: int = connection.execute(run.returning(AGENT_RUNS.c.id)).scalar_one()
        self.add_turn(run_id, person=person or login)
        return run_id

    def add_turn(self, run_id: int, *, person: str | None = None) -> None:
        with self.engine.begin() as connection:
            count = connection.execute(
                sa.select(sa.func.count()).select_from(AGENT_TURNS).where(AGENT_TURNS.c.run_id == run_id)
            ).scalar_one()
            connection.execute(
                AGENT_TURNS.insert().values(
                    run_id=run_id,
                    number=count + 1,
                    prompt="Fix it.",
                    person=person,
                    images=["data:image/png;base64,AA=="],
                    state="queued",
                    created_at=NOW,
                )
            )

    def cancel(self, run_id: int) -> None:
        AgentStore(self.engine).cancel_run(run_id, at=NOW)

    def claimed(self, worker: str = "w1") -> int | None:
        """The run of the next turn."""
        turn = self.turns.claim(worker)
        return None if turn is None else turn.run_id

    def run(self, run_id: int) -> Any:
        with self.engine.begin() as connection:
            return connection.execute(sa.select(AGENT_RUNS).where(AGENT_RUNS.c.id == run_id)).one()
