"""Recovers work that neither its executor nor failover finishes: of other workflow versions and of unknown executors.

DBOS resumes a workflow only under the version that it was started with, and does not report the rest. Here such a
command runs from its start: everything that it sent before is found by its identity, as after a crash
(`bot.handlers.runs`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dbos import DBOS, WorkflowStatus

from bot import log
from bot.engine.dbos_internals import recover_workflows
from bot.engine.launching import VERSION, WORKFLOW
from bot.store.executors import Executors
from bot.store.jobs import JobStore, QueuedJob
from bot.store.threads import run_in_thread

_log = log.get(__name__)

UNFINISHED = ["PENDING", "ENQUEUED"]
"""DBOS's statuses for unfinished workflows."""


class Leftovers:
    """Finds such work and makes it run here.

    :param executor: this process' own id
    :param put: queues a command that may have been started before
    """

    def __init__(
        self, jobs: JobStore, executors: Executors, *, executor: str, put: Callable[[QueuedJob], None]
    ) -> None:
        self._jobs = jobs
        self._executors = executors
        self._executor = executor
        self._put = put

    async def restart_of(self, dead: str) -> int:
        """Restarts what a dead executor had started under another version.

        :returns: the number of commands
        """
        left = await _unfinished(executor_id=dead)
        others = [each for each in left if each.app_version != VERSION]
        for each in others:
            await self._restart(each)
        return len(others)

    async def recover(self) -> int:
        """Recovers the work of executors that are no longer in the table: one that was replaced while it was frozen,
        and took something before it noticed.

        :returns: the number of commands
        """
        # Read before the table of executors: one that registers in between is then in the table.
        left = await _unfinished()
        known = await run_in_thread(self._executors.versions)
        lost = {each.executor_id for each in left if each.status == "PENDING" and each.executor_id not in known}
        count = 0
        for executor_id in sorted(lost - {None, ""}, key=str):
            count += await run_in_thread(partial(recover_workflows, str(executor_id)))
        # No executor takes from the queue a workflow whose version none of them has.
        for each in left:
            is_stranded = each.status == "ENQUEUED" and each.app_version not in {VERSION, *known.values()}
            if each.app_version != VERSION and (each.executor_id in lost or is_stranded):
                await self._restart(each)
                count += 1
        waiting = await run_in_thread(partial(self._jobs.adopt_lost, [*known], executor=self._executor))
        for taken in waiting:
            self._put(taken)
        if count or waiting:
            _log.warning("leftovers.recovered", begun=count, waiting=len(waiting))
        return count + len(waiting)

    async def _restart(self, left: WorkflowStatus) -> None:
        document = await run_in_thread(partial(self._jobs.document, left.workflow_id))
        if document is None:
            found = await DBOS.get_workflow_status_async(left.workflow_id)
            document = _input_of(found)
        if document is None:
            _log.error("leftovers.unreadable", invocation=left.workflow_id, version=left.app_version)
            return
        taken = QueuedJob(left.workflow_id, document)
        # Stored as waiting before the workflow is deleted: after a crash in between, it is found here once more.
        await run_in_thread(partial(self._jobs.again, taken, executor=self._executor, at=datetime.now(UTC)))
        await DBOS.delete_workflow_async(left.workflow_id)
        _log.warning("leftovers.restarted", invocation=left.workflow_id, version=left.app_version)
        self._put(taken)


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
