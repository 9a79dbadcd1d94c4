"""Runs queued jobs as durable workflows, whose steps DBOS records."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from dbos import DBOS, SetWorkflowID
from sqlalchemy.engine import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine import dbos_runtime
from bot.engine.job_queue import JobQueue, WaitingJob
from bot.engine.loop_watch import current_command
from bot.engine.membership import Membership
from bot.engine.tracing import Tracing
from bot.errors import BotError, ErrorKind, Service, UpstreamError, from_json, is_refused_account
from bot.execution.context import CommandContext
from bot.execution.invocation import CommandInvocation
from bot.execution.reply import Reply
from bot.execution.services import Services
from bot.execution.steps import no_step_store
from bot.storage.jobs import JobStore
from bot.storage.queries import reason, run_in_thread
from bot.text.markers import Stage

_log = log.get(__name__)

STOP_TIMEOUT = 10.0
"""Seconds that interrupted workflows have to end; only an unresponsive database uses them up."""

MOST_RESUMED = 5
"""How many times a command is resumed although GitHub accepts the bot's credential: it may refuse it in one
place only."""

MOST_LOOP_BLOCKS = 3
"""How many processes may end while a command blocks their event loops, before it is given up."""

Execute = Callable[[CommandContext], Awaitable[Reply]]
GiveUp = Callable[[CommandContext, int], Awaitable[Reply]]
OnFinished = Callable[[CommandInvocation, Stage | None], None]


@dataclass(eq=False, slots=True)
class _RunningWorkflow:
    """A workflow that runs in this process.

    :param is_waiting: whether it waits for something else
    """

    task: asyncio.Task[Any]
    is_waiting: bool = False


class Workflows:
    """The worker of the queue: runs its jobs, and suspends them on shutdown, so that another process can resume them.

    :param execute: carries out an invocation
    :param give_up: replies to one during which that many processes ended
    :param on_finished: called with the stage in which each command ended; None if a failure could not be reported
    :param retry_delay: seconds until the retry of what the database did not accept
    :param on_refused: called when GitHub refuses the bot's credential: the command is held until `resume_held`
    """

    def __init__(
        self,
        queue: JobQueue,
        jobs: JobStore,
        membership: Membership,
        *,
        services: Services,
        execute: Execute,
        give_up: GiveUp,
        on_finished: OnFinished,
        tracing: Tracing | None,
        retry_delay: float,
        on_refused: Callable[[Service], None],
    ) -> None:
        self._queue = queue
        self._jobs = jobs
        self._membership = membership
        self._services = services
        self._execute = execute
        self._give_up = give_up
        self._on_finished = on_finished
        self._tracing = tracing
        self._retry_delay = retry_delay
        self._on_refused = on_refused
        self._held: set[str] = set()
        self._times_resumed: Counter[str] = Counter()
        self._first_starts: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._running: set[_RunningWorkflow] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        """The number of running workflows."""
        return len(self._running)

    def start(self, database: Database, *, polling: float) -> None:
        """Launches DBOS, which resumes what an earlier start of this executor left, and works on the queue.

        :param polling: seconds between DBOS's polls of its tables
        """
        workflow = dbos_runtime.launch(
            database,
            self._run_workflow,
            executor_id=self._membership.executor,
            polling=polling,
            tracing=self._tracing,
        )
        self._worker = asyncio.create_task(self._work(workflow), name="worker")

    def close(self) -> None:
        """Stops starting and resuming workflows."""
        self._closed = True
        if self._worker is not None:
            self._worker.cancel()

    def suspend(self) -> None:
        """Cancels the running workflows; the next process resumes them."""
        for workflow in self._running:
            workflow.task.cancel()

    async def aclose(self, *, drain: float) -> None:
        """Lets running workflows end or reach a wait, then suspends the rest.

        :param drain: seconds for the former
        """
        self.close()
        await asyncio.gather(*self._background, *filter(None, [self._worker]), return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(drain):
                while any(not workflow.is_waiting for workflow in self._running):
                    self._changed.clear()
                    await self._changed.wait()
        dbos_runtime.expect_cancellations()
        self.suspend()
        # The result of a finished workflow is still being recorded by its task: that is awaited, so it does not run
        # again.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT)

    # Starting

    async def _work(self, workflow: Callable[[dict[str, Any]], Any]) -> None:
        while True:
            self._spawn(self._start(await self._queue.next(), workflow))

    async def _start(self, waiting: WaitingJob, workflow: Callable[[dict[str, Any]], Any]) -> None:
        """Hands a job to DBOS, which runs it from then on."""
        job, submission_id = waiting.job, str(waiting.job.document.get("submission_id", ""))
        if waiting.is_new:
            self._first_starts.add(submission_id)
        try:
            await self._membership.check()
            with SetWorkflowID(job.identity):
                await DBOS.start_workflow_async(workflow, job.document)
        except Exception:  # noqa: BLE001 - whatever it is, the job is stored and retried
            self._first_starts.discard(submission_id)
            self._queue.release(job.identity)
            _log.exception("job.start_failed", invocation=job.identity)
            self._retry(partial(self._queue.put, waiting))
            return
        self._queue.mark_started(job.identity)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """In a context of its own: log lines carry the values of its command, and not those of whoever comes before."""
        task = asyncio.create_task(work, context=contextvars.Context())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _retry(self, work: Callable[[], None], *, delays: int = 1) -> None:
        """Does it after that many delays, unless the engine is being stopped by then."""
        asyncio.get_running_loop().call_later(delays * self._retry_delay, lambda: None if self._closed else work())

    # Running

    async def _run_workflow(self, document: dict[str, Any]) -> str:
        """The body of the durable workflow of one job.

        :returns: the stage in which it ended
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a workflow runs in one
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._closed:
            # DBOS does not count this as an outcome: the workflow stays pending.
            raise asyncio.CancelledError
        invocation = CommandInvocation.from_json(document)
        # Started by this process just now, or left by one that died: then whatever it sent is looked up first.
        may_have_run = document.get("submission_id") not in self._first_starts
        self._first_starts.discard(document.get("submission_id", ""))
        workflow = _RunningWorkflow(task)
        self._running.add(workflow)
        current_command.set(invocation.identity)
        if may_have_run:
            self._queue.mark_started(invocation.identity)
        if self._tracing is not None:
            self._tracing.describe(command=invocation.name, delivery=document.get("log_context", {}).get("delivery"))
        try:
            with log.bound(**invocation.log_values(), **document.get("log_context", {})):
                reply = await self._run(invocation, workflow, may_have_run=may_have_run)
        finally:
            self._running.discard(workflow)
            self._changed.set()
            self._queue.release(invocation.identity)
        self._times_resumed.pop(invocation.identity, None)
        self._on_finished(invocation, reply.stage)
        return reply.stage.value

    async def _run(self, invocation: CommandInvocation, workflow: _RunningWorkflow, *, may_have_run: bool) -> Reply:
        _log.info("command.resumed" if may_have_run else "command.started")
        try:
            if may_have_run and (times := await self._count_loop_blocks(invocation)) >= MOST_LOOP_BLOCKS:
                return await self._reply_given_up(invocation, times)
            steps = no_step_store if invocation.read_only else self._step_store(workflow, invocation)
            return await self._execute(CommandContext(invocation, self._services, steps, may_have_run=may_have_run))
        except UpstreamError as error:
            self._hold_if_refused(invocation, error)
            _log.error("command.unanswered", reason=str(error))
            self._on_finished(invocation, None)
            raise

    async def _count_loop_blocks(self, invocation: CommandInvocation) -> int:
        try:
            return await run_in_thread(partial(self._jobs.loop_blocks, invocation.identity))
        except SQLAlchemyError as error:
            _log.error("workflow.lookup_failed", reason=reason(error))
            self._resume_later(invocation.identity)
            # DBOS does not count this as an outcome.
            raise asyncio.CancelledError from None

    async def _reply_given_up(self, invocation: CommandInvocation, times: int) -> Reply:
        """:raises UpstreamError: also if posting this reply is what ends the process"""
        if times >= 2 * MOST_LOOP_BLOCKS:
            raise UpstreamError(Service.GITHUB, ErrorKind.BAD_ANSWER, "give_up", detail="it blocks the event loop")
        ctx = CommandContext(invocation, self._services, no_step_store, may_have_run=True)
        return await self._give_up(ctx, times)

    def _step_store(
        self, workflow: _RunningWorkflow, invocation: CommandInvocation
    ) -> Callable[..., Coroutine[Any, Any, dict[str, Any]]]:
        """Records calls as DBOS steps; implements `bot.execution.steps.StepStore`.

        Not for commands of which nothing but the reply could happen twice, which is found again by its marker: each
        step costs milliseconds, and their workflows can just as well run from the start.
        """

        async def steps(
            name: str, work: Callable[[], Awaitable[dict[str, Any]]], *, is_waiting: bool
        ) -> dict[str, Any]:
            async def step() -> dict[str, Any]:
                document = await work()
                if "error" in document:
                    self._hold_if_refused(invocation, from_json(document["error"]))
                # A process that was frozen in between records nothing for a workflow that another executor has by now.
                await self._membership.check()
                return document

            if is_waiting:
                workflow.is_waiting = True
                self._changed.set()
                self._queue.release(invocation.identity)
            try:
                return await DBOS.run_step_async({"name": name}, step)
            except SQLAlchemyError as error:
                _log.error("workflow.persist_failed", step=name, reason=reason(error))
                self._resume_later(invocation.identity)
                # DBOS does not count this as an outcome, nor should it: the step was done but could not be recorded.
                raise asyncio.CancelledError from None
            finally:
                workflow.is_waiting = False

        return steps

    def _hold_if_refused(self, invocation: CommandInvocation, error: BotError) -> None:
        """Suspends a command whose answer GitHub refuses for the bot's credential; otherwise it would be lost.

        Nothing of it is recorded, so that it is carried out once the credential is accepted: in this process, or by the
        next one, which resumes what is pending.

        :raises asyncio.CancelledError: if it is suspended
        """
        identity = invocation.identity
        if not is_refused_account(error) or self._times_resumed[identity] >= MOST_RESUMED:
            return
        if identity not in self._held:
            self._held.add(identity)
            _log.error("command.held", reason=str(error))
        self._on_refused(Service.GITHUB)
        # DBOS does not count this as an outcome.
        raise asyncio.CancelledError

    def resume_held(self) -> None:
        """Resumes what was held: GitHub accepts the bot's credential."""
        for identity in [*self._held]:
            self._held.discard(identity)
            # Longer each time: it may be refused in one place only, and for a while.
            self._resume_later(identity, delays=2 ** self._times_resumed[identity])
            self._times_resumed[identity] += 1

    def _resume_later(self, identity: str, *, delays: int = 1) -> None:
        self._retry(lambda: self._spawn(self._resume(identity)), delays=delays)

    async def _resume(self, identity: str) -> None:
        """Resumes a workflow that a database error interrupted, as if this process had been killed and restarted."""
        try:
            await DBOS.resume_workflow_async(identity)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is retried
            why = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
            _log.warning("workflow.resume_failed", invocation=identity, reason=why)
            self._resume_later(identity)
