"""Agent runs: their threads, their marks, their stars, their completion times, and the multi-runs of the HTTP API."""
# ruff: noqa: ARG002 - stars in a database need neither a thread nor a repository

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from bot import log
from bot.codegen.models import MARK, AgentRun
from bot.errors import StoreError
from bot.storage.database import check_file
from bot.storage.models import Star
from bot.storage.queries import Store
from bot.storage.tables import MULTI_RUNS, RUN_COMPLETION_TIMES, RUN_MARKS, STARS, THREAD_RUNS

_log = log.get(__name__)

MULTI_RUN_RETENTION = timedelta(days=90)


class ThreadRuns(Store):
    """`bot.execution.services.ThreadRuns`."""

    async def remember(self, org_id: int, run_id: int, *, repository: str, number: int) -> None:
        key = {"org_id": org_id, "run_id": run_id, "repository": repository, "number": number}
        # One statement: two commands of one thread may resume the same run at the same time.
        await self._run(self._upsert(THREAD_RUNS, key, {"used_at": datetime.now(UTC)}))

    async def latest(self, org_id: int, *, repository: str, number: int) -> int | None:
        return next(iter(await self.of_thread(org_id, repository=repository, number=number)), None)

    async def of_thread(self, org_id: int, *, repository: str, number: int) -> list[int]:
        runs = THREAD_RUNS.c
        wanted = (runs.org_id == org_id, runs.repository == repository, runs.number == number)
        query = sa.select(runs.run_id).where(*wanted).order_by(runs.used_at.desc(), runs.run_id.desc())
        return [row.run_id for row in await self._run(query)]

    async def used_in(self, org_id: int, run_ids: Collection[int], *, repository: str) -> set[int]:
        wanted = (*_these(THREAD_RUNS, org_id, run_ids), sa.func.lower(THREAD_RUNS.c.repository) == repository.lower())
        return {row.run_id for row in await self._run(sa.select(THREAD_RUNS.c.run_id).where(*wanted))}


class RunMarks(Store):
    """The bot's marks of runs that carry none in their metadata, because Codegen takes none with some operations."""

    async def add(self, org_id: int, run_id: int, mark: dict[str, Any]) -> None:
        """:raises StoreError: if the database fails"""
        row = self._insert(RUN_MARKS).values(org_id=org_id, run_id=run_id, mark=mark)
        await self._run(row.on_conflict_do_nothing())

    async def of(self, org_id: int, run_ids: Collection[int]) -> dict[int, dict[str, Any]]:
        """The marks of these runs, by their ids.

        :raises StoreError: if the database fails
        """
        query = sa.select(RUN_MARKS).where(*_these(RUN_MARKS, org_id, run_ids))
        return {row.run_id: row.mark for row in await self._run(query)}

    async def added_to(self, org_id: int, runs: Sequence[AgentRun]) -> tuple[AgentRun, ...]:
        """The runs, those without a mark with the one that is stored; unchanged if the database fails."""
        unmarked = [run.id for run in runs if MARK not in (run.metadata or {})]
        try:
            found = await self.of(org_id, unmarked) if unmarked else {}
        except StoreError as error:
            _log.warning("run_marks.read_failed", reason=str(error))
            found = {}
        return tuple(
            run.model_copy(update={"metadata": {**(run.metadata or {}), MARK: found[run.id]}})
            if run.id in found
            else run
            for run in runs
        )


class Stars(Store):
    """`bot.execution.services.Stars`."""

    async def add(
        self, org_id: int, run_id: int, *, login: str, at: datetime, threads: Sequence[tuple[str, int]] = ()
    ) -> bool:
        star = self._insert(STARS).values(org_id=org_id, run_id=run_id, login=login, starred_at=at)
        return bool(await self._run(star.on_conflict_do_nothing().returning(STARS.c.run_id)))

    async def which(
        self, org_id: int, run_ids: Collection[int], *, threads: Sequence[tuple[str, int]] = ()
    ) -> list[int]:
        query = sa.select(STARS.c.run_id).where(*_these(STARS, org_id, run_ids))
        return sorted(row.run_id for row in await self._run(query))

    async def remove(
        self, org_id: int, run_ids: Collection[int], *, threads: Sequence[tuple[str, int]] = ()
    ) -> list[int]:
        removal = STARS.delete().where(*_these(STARS, org_id, run_ids)).returning(STARS.c.run_id)
        return sorted(row.run_id for row in await self._run(removal))

    async def all(self, org_id: int, *, repository: str | None = None) -> list[Star]:
        stars = STARS.c
        query = sa.select(STARS).where(stars.org_id == org_id).order_by(stars.starred_at.desc(), stars.run_id.desc())
        return [Star(row.run_id, row.login, row.starred_at) for row in await self._run(query)]


@dataclass(frozen=True, slots=True)
class RunEnd:
    """An observed end of a run.

    :param working_at: when the run was last seen running
    :param ended_at: when it was first seen to have ended
    :param began_at: when it was first seen running, if that was not its beginning
    :param created_at: when it began for the first time
    """

    working_at: datetime
    ended_at: datetime
    began_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkingSpans:
    """What is known of a run's working spans.

    :param completed_at: the last known end
    :param worked_seconds: the sum of the spans up to then; None if not known
    :param resumed_at: when the run began again after that; None if it did not, as far as is known
    """

    completed_at: datetime
    worked_seconds: float | None
    resumed_at: datetime | None


class CompletionTimeStore(Store):
    """When runs worked, as the bot observed it: Codegen reports when a run began, but not when it ended."""

    def add(self, org_id: int, ends: Mapping[int, RunEnd]) -> None:
        """Stores ends, by the runs' ids.

        Of two observations of the same end the earlier is right; a later end replaces it only if the run was seen
        running after it, as a resumed one is. Then its span is added to the earlier ones.
        """
        known = self.of(org_id, ends)
        self._execute(
            *(
                self._upsert(
                    RUN_COMPLETION_TIMES,
                    {"org_id": org_id, "run_id": run_id},
                    {
                        "completed_at": end.ended_at,
                        "worked_seconds": _worked(end, known.get(run_id)),
                        "resumed_at": None,
                    },
                    # Another process may have stored the same end since it was read.
                    where=RUN_COMPLETION_TIMES.c.completed_at < end.working_at,
                )
                for run_id, end in ends.items()
            )
        )

    def add_known(self, org_id: int, run_id: int, *, ended_at: datetime, worked_seconds: float | None) -> None:
        """Stores an end that was read elsewhere, unless a later one is known."""
        self._execute(
            self._upsert(
                RUN_COMPLETION_TIMES,
                {"org_id": org_id, "run_id": run_id},
                {"completed_at": ended_at, "worked_seconds": worked_seconds, "resumed_at": None},
                where=RUN_COMPLETION_TIMES.c.completed_at < ended_at,
            )
        )

    def resume(self, org_id: int, run_ids: Collection[int], *, at: datetime) -> None:
        """Notes of those of the runs whose end is known that they have begun again; the first time counts."""
        table = RUN_COMPLETION_TIMES.c
        resumed = (*_these(RUN_COMPLETION_TIMES, org_id, run_ids), table.resumed_at.is_(None), table.completed_at < at)
        self._execute(RUN_COMPLETION_TIMES.update().where(*resumed).values(resumed_at=at))

    def of(self, org_id: int, run_ids: Collection[int]) -> dict[int, WorkingSpans]:
        """What is known of these runs, by their ids."""
        query = sa.select(RUN_COMPLETION_TIMES).where(*_these(RUN_COMPLETION_TIMES, org_id, run_ids))
        return {
            row.run_id: WorkingSpans(row.completed_at, row.worked_seconds, row.resumed_at)
            for row in self._execute(query)
        }


def _worked(end: RunEnd, known: WorkingSpans | None) -> float | None:
    """The sum of a run's spans up to this end, in seconds.

    :param known: up to the end before; None: this one is the first
    """
    before: float | None = 0.0
    began = end.created_at or end.began_at
    if known is not None:
        began, before = known.resumed_at or end.began_at, known.worked_seconds
    if began is None or before is None:
        return None
    return before + max(0.0, (end.ended_at - began).total_seconds())


class MultiRuns(Store):
    """Multi-runs requested over HTTP: the request and, once it has ended, the response.

    No token is stored: after a restart, the next caller who requests one continues it with their own token.
    """

    async def remember(self, org_id: int, identity: str, request: dict[str, Any], *, at: datetime) -> bool:
        """Stores a request, once.

        :param request: plain JSON
        :returns: False if it was there already
        :raises StoreError: if the write would be lost
        """
        await self._in_thread(partial(check_file, self._engine))
        old = MULTI_RUNS.delete().where(MULTI_RUNS.c.requested_at < at - MULTI_RUN_RETENTION)
        new = self._insert(MULTI_RUNS).values(org_id=org_id, identity=identity, request=request, requested_at=at)
        return bool(await self._run(old, new.on_conflict_do_nothing().returning(MULTI_RUNS.c.identity)))

    async def end(self, org_id: int, identity: str, response: dict[str, Any], *, request: dict[str, Any]) -> None:
        """Stores the response.

        :param request: the part of the request that stays stored
        """
        changes = {"request": request, "response": response}
        await self._run(MULTI_RUNS.update().where(*_this(org_id, identity)).values(changes))

    async def forget(self, org_id: int, identity: str) -> None:
        await self._run(MULTI_RUNS.delete().where(*_this(org_id, identity)))

    async def find(self, org_id: int, identity: str) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
        """The request, and the response if there is one."""
        query = sa.select(MULTI_RUNS.c.request, MULTI_RUNS.c.response).where(*_this(org_id, identity))
        return next(((row.request, row.response) for row in await self._run(query)), None)


def _these(table: sa.Table, org_id: int, run_ids: Collection[int]) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.org_id == org_id, table.c.run_id.in_([*run_ids])


def _this(org_id: int, identity: str) -> tuple[sa.ColumnElement[bool], ...]:
    return MULTI_RUNS.c.org_id == org_id, MULTI_RUNS.c.identity == identity
