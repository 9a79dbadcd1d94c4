"""Failover: recovers the work of dead executors, and work that neither its executor nor failover finishes: of other
workflow versions and of unknown executors.

DBOS resumes a workflow only under the version that it was started with, and does not report the rest. Here such a
command runs from its start: everything that it sent before is found by its identity, as after a crash
(`bot.execution.runs`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from dbos import DBOS, WorkflowStatus
from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine.dbos_runtime import VERSION, WORKFLOW, recover_workflows
from bot.engine.job_queue import JobQueue, WaitingJob
from bot.engine.membership import Membership
from bot.errors import StoreError
from bot.storage.jobs import JobStore, QueuedJob
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

UNFINISHED = ["PENDING", "ENQUEUED"]
"""DBOS's statuses for unfinished workflows."""


class Recovery:
    """Finds such work and makes it run here."""

    def __init__(self, jobs: JobStore, queue: JobQueue, membership: Membership) -> None:
        self._jobs = jobs
        self._queue = queue
        self._executors = membership.executors
        self._executor = membership.executor

    async def recover(self, dead: str) -> None:
        """Puts a dead executor's started workflows into the common queue, and its waiting jobs into this process' own;
        called again if it failed halfway."""
        started = await run_in_thread(partial(recover_workflows, dead))
        others = [each for each in await _unfinished(executor_id=dead) if each.app_version != VERSION]
        for each in others:
            await self._restart(each)
        waiting = await run_in_thread(partial(self._jobs.adopt, of=dead, executor=self._executor))
        self._put(waiting)
        _log.info("executor.recovered", executor=dead, started=started, restarted=len(others), waiting=len(waiting))

    async def recover_leftovers(self) -> None:
        """Recovers the work of executors that are no longer in the table: one that was replaced while it was frozen,
        and took something before it noticed."""
        # Read before the table of executors: one that registers in between is then in the table.
        left = await _unfinished()
        known = await run_in_thread(self._executors.versions)
        unknown = {each.executor_id for each in left if each.status == "PENDING" and each.executor_id not in known}
        count = 0
        for executor_id in sorted(unknown - {None, ""}, key=str):
            count += await run_in_thread(partial(recover_workflows, str(executor_id)))
        # No executor takes from the queue a workflow whose version none of them has.
        for each in left:
            is_stranded = each.status == "ENQUEUED" and each.app_version not in {VERSION, *known.values()}
            if each.app_version != VERSION and (each.executor_id in unknown or is_stranded):
                await self._restart(each)
                count += 1
        waiting = await run_in_thread(partial(self._jobs.adopt_lost, [*known], executor=self._executor))
        self._put(waiting)
        if count or waiting:
            _log.warning("leftovers.recovered", started=count, waiting=len(waiting))

    async def _restart(self, left: WorkflowStatus) -> None:
        document = await run_in_thread(partial(self._jobs.document, left.workflow_id))
        if document is None:
            document = _input_of(await DBOS.get_workflow_status_async(left.workflow_id))
        if document is None:
            _log.error("leftovers.unreadable", invocation=left.workflow_id, version=left.app_version)
            return
        job = QueuedJob(left.workflow_id, document)
        # Stored as waiting before the workflow is deleted: after a crash in between, it is found here once more.
        await run_in_thread(partial(self._jobs.requeue, job, executor=self._executor, at=datetime.now(UTC)))
        await DBOS.delete_workflow_async(left.workflow_id)
        _log.warning("leftovers.restarted", invocation=left.workflow_id, version=left.app_version)
        self._put([job])

    def _put(self, jobs: list[QueuedJob]) -> None:
        for job in jobs:
            # It may have been started a moment before its executor died, without that being recorded.
            self._queue.put(WaitingJob(job, is_new=False))


class Failover:
    """A live executor recovers the work of each dead one."""

    def __init__(self, membership: Membership, recovery: Recovery) -> None:
        self._membership = membership
        self._recovery = recovery

    async def run(self) -> None:
        """Runs until it is cancelled. Failures are retried at the next heartbeat."""
        while True:
            for dead in await self._membership.next_dead():
                try:
                    await self.replace(dead)
                except (SQLAlchemyError, StoreError) as error:
                    _log.warning("executor.not_recovered", executor=dead, reason=type(error).__name__)

    async def replace(self, dead: str) -> None:
        """Recovers one executor's work, unless it is alive or another executor is doing so."""
        executors, me = self._membership.executors, self._membership.executor
        if not await run_in_thread(partial(executors.replace, dead, successor=me)):
            return
        await self._recovery.recover(dead)
        # Fails if this process was frozen meanwhile: another executor may be doing it by now.
        await self._membership.check()
        await run_in_thread(partial(executors.remove, dead, successor=me))


async def _unfinished(*, executor_id: str | None = None) -> list[WorkflowStatus]:
    found: list[WorkflowStatus] = await DBOS.list_workflows_async(
        name=WORKFLOW, status=UNFINISHED, executor_id=executor_id, load_input=False, load_output=False
    )
    return found


def _input_of(status: WorkflowStatus | None) -> dict[str, Any] | None:
    """The job that a workflow was started with."""
    given: Any = status.input if status is not None else None
    arguments = given["args"] if isinstance(given, dict) else ()
    return arguments[0] if arguments and isinstance(arguments[0], dict) else None
