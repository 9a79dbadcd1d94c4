"""Runs command invocations as durable workflows, whose steps DBOS records."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine.delayed_retry import DelayedRetry
from bot.engine.job_queue import reason
from bot.engine.launching import expect_cancellations
from bot.engine.loop_watch import current_command
from bot.engine.traces import Traces
from bot.errors import ErrorKind, Service, UpstreamError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.handlers.services import Services
from bot.handlers.steps import no_step_store
from bot.replies.markers import Stage
from bot.replies.reply import Reply
from bot.store.threads import run_in_thread

_log = log.get(__name__)

STOP_PATIENCE = 10.0
"""Seconds that interrupted workflows have to end; only an unresponsive database uses them up."""

MOST_LOOP_HOLDS = 3
"""How many processes may end while a command blocks their event loops, before it is given up."""

Execute = Callable[[CommandInvocation, CommandContext], Awaitable[Reply]]
GiveUp = Callable[[CommandInvocation, CommandContext, int], Awaitable[Reply]]
OnFinished = Callable[[CommandInvocation, Stage | None], None]


@dataclass(eq=False, slots=True)
class _RunningWorkflow:
    """A workflow that runs in this process.

    :param rests: whether it waits for something else
    """

    task: asyncio.Task[Any]
    rests: bool = False


class WorkflowRunner:
    """Runs workflows and suspends them on shutdown, so that another process can resume them.

    :param execute: carries out an invocation
    :param give_up: replies to one during which that many processes ended
    :param loop_holds: returns that number by the invocation's identity; blocking
    :param on_finished: called with the stage in which each command ended; None if a failure could not be reported
    :param resumed: called with the identity of each command that an earlier process began
    :param on_slot_released: called with the identity of each command that has ended or waits for something else
    :param fence: returns if the workflows are still this process' own, else raises CancelledError
    """

    def __init__(
        self,
        services: Services,
        execute: Execute,
        *,
        give_up: GiveUp,
        loop_holds: Callable[[str], int],
        on_finished: OnFinished,
        resumed: Callable[[str], None],
        on_slot_released: Callable[[str], None],
        fence: Callable[[], Awaitable[None]],
        retry: DelayedRetry,
        traces: Traces | None,
    ) -> None:
        self._services = services
        self._execute = execute
        self._give_up = give_up
        self._loop_holds = loop_holds
        self._on_finished = on_finished
        self._resumed = resumed
        self._on_slot_released = on_slot_released
        self._fence = fence
        self._retry = retry
        self._traces = traces
        self._begun_here: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._running: set[_RunningWorkflow] = set()
        self._resuming: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        """The number of running workflows."""
        return len(self._running)

    def expect(self, nonce: str) -> None:
        """Announces the first start of the workflow whose job has this submission id."""
        self._begun_here.add(nonce)

    def expect_no_more(self, nonce: str) -> None:
        self._begun_here.discard(nonce)

    async def run_workflow(self, document: dict[str, Any]) -> str:
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
        again = document.get("submission_id") not in self._begun_here
        self.expect_no_more(document.get("submission_id", ""))
        workflow = _RunningWorkflow(task)
        self._running.add(workflow)
        current_command.set(invocation.identity)
        if again:
            self._resumed(invocation.identity)
        if self._traces is not None:
            self._traces.describe(command=invocation.name, delivery=document.get("log_context", {}).get("delivery"))
        try:
            with log.bound(**invocation.log_values(), **document.get("log_context", {})):
                reply = await self._run(invocation, workflow, again=again)
        finally:
            self._running.discard(workflow)
            self._changed.set()
            self._on_slot_released(invocation.identity)
        self._on_finished(invocation, reply.stage)
        return reply.stage.value

    def close(self) -> None:
        """No workflow is started or resumed any more."""
        self._closed = True

    async def settle(self, seconds: float) -> None:
        """Waits until each workflow has ended or waits for something else.

        :param seconds: the timeout
        """
        await asyncio.gather(*self._resuming, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(not workflow.rests for workflow in self._running):
                    self._changed.clear()
                    await self._changed.wait()

    def cut_off(self) -> None:
        """Cancels the running workflows; the next process resumes them."""
        for workflow in self._running:
            workflow.task.cancel()

    async def aclose(self) -> None:
        """Cancels the running workflows, and waits until they have ended."""
        expect_cancellations()
        self.cut_off()
        # The result of a finished workflow is still being recorded by its task: that is awaited, so it does not run
        # again.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_PATIENCE)

    async def _run(self, invocation: CommandInvocation, workflow: _RunningWorkflow, *, again: bool) -> Reply:
        _log.info("command.resumed" if again else "command.started")
        try:
            if again and (times := await self._count_loop_holds(invocation)) >= MOST_LOOP_HOLDS:
                return await self._reply_given_up(invocation, times)
            return await self._execute(
                invocation,
                CommandContext(invocation, self._services, self._step_store(workflow, invocation), again=again),
            )
        except UpstreamError as error:
            _log.error("command.unanswered", reason=str(error))
            self._on_finished(invocation, None)
            raise

    async def _count_loop_holds(self, invocation: CommandInvocation) -> int:
        try:
            return await run_in_thread(partial(self._loop_holds, invocation.identity))
        except SQLAlchemyError as error:
            _log.error("workflow.lookup_failed", reason=reason(error))
            self._retry.schedule(partial(self._resume_soon, invocation.identity))
            # DBOS does not count this as an outcome.
            raise asyncio.CancelledError from None

    async def _reply_given_up(self, invocation: CommandInvocation, times: int) -> Reply:
        """:raises UpstreamError: also if posting this reply is what ends the process"""
        if times >= 2 * MOST_LOOP_HOLDS:
            raise UpstreamError(
                Service.GITHUB, ErrorKind.BAD_ANSWER, "give_up", detail="the process stands still over it"
            )
        return await self._give_up(
            invocation, CommandContext(invocation, self._services, no_step_store, again=True), times
        )

    def _step_store(
        self, workflow: _RunningWorkflow, invocation: CommandInvocation
    ) -> Callable[..., Coroutine[Any, Any, dict[str, Any]]]:
        """Records calls as DBOS steps; implements `bot.handlers.steps.StepStore`.

        Where nothing but the reply could happen twice, and that is found again by its marker, nothing is recorded: each
        step costs milliseconds, and the workflow can just as well run from its start.
        """
        if invocation.only_shows:
            return no_step_store

        async def steps(name: str, work: Callable[[], Awaitable[dict[str, Any]]], *, rests: bool) -> dict[str, Any]:
            async def step() -> dict[str, Any]:
                document = await work()
                # A process that was frozen in between records nothing for a workflow that another executor has by now.
                await self._fence()
                return document

            if rests:
                workflow.rests = True
                self._changed.set()
                self._on_slot_released(invocation.identity)
            try:
                return await DBOS.run_step_async({"name": name}, step)
            except SQLAlchemyError as error:
                _log.error("workflow.persist_failed", step=name, reason=reason(error))
                self._retry.schedule(partial(self._resume_soon, invocation.identity))
                # DBOS does not count this as an outcome, nor should it: the step was done but could not be recorded.
                raise asyncio.CancelledError from None
            finally:
                workflow.rests = False

        return steps

    def _resume_soon(self, identity: str) -> None:
        task = asyncio.create_task(self._resume(identity), name="resume", context=contextvars.Context())
        self._resuming.add(task)
        task.add_done_callback(self._resuming.discard)

    async def _resume(self, identity: str) -> None:
        """Resumes a workflow that a database error interrupted, as if this process had been killed and restarted."""
        try:
            await DBOS.resume_workflow_async(identity)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is retried
            words = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
            _log.warning("workflow.resume_failed", invocation=identity, reason=words)
            self._retry.schedule(partial(self._resume_soon, identity))
