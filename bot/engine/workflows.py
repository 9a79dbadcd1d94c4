"""The orders that are being carried out in this process: each is a story that DBOS remembers step by step."""

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
"""Seconds that stories have to end when they are cut off; only a database that does not answer takes them."""

MOST_LOOP_HOLDS = 3
"""How many processes may end while a command holds their event loops, before it is given up."""

Execute = Callable[[CommandInvocation, CommandContext], Awaitable[Reply]]
GiveUp = Callable[[CommandInvocation, CommandContext, int], Awaitable[Reply]]
Heard = Callable[[CommandInvocation, Stage | None], None]


@dataclass(eq=False, slots=True)
class _Story:
    """One order that is being carried out here.

    :param rests: whether it waits for others
    """

    task: asyncio.Task[Any]
    rests: bool = False


class WorkflowRunner:
    """Tells them, and cuts them off where another life has to tell them on.

    :param execute: what is done with an order
    :param give_up: answers one over which so many processes ended
    :param loop_holds: how many those were, by an order's identity; blocking
    :param heard: is told how each order ended; None: with a failure that could not be told anybody
    :param resumed: hears the identity of each that another life began
    :param on_slot_released: hears the identity of each that has ended or waits for others
    :param fence: returns where the workflows are still this process's own, else raises CancelledError
    """

    def __init__(
        self,
        services: Services,
        execute: Execute,
        *,
        give_up: GiveUp,
        loop_holds: Callable[[str], int],
        heard: Heard,
        resumed: Callable[[str], None],
        on_slot_released: Callable[[str], None],
        fence: Callable[[], Awaitable[None]],
        later: DelayedRetry,
        traces: Traces | None,
    ) -> None:
        self._services = services
        self._carry_out = execute
        self._give_up = give_up
        self._loop_holds = loop_holds
        self._heard = heard
        self._resumed = resumed
        self._makes_room = on_slot_released
        self._fence = fence
        self._later = later
        self._traces = traces
        self._begun_here: set[str] = set()
        self._workflows: set[asyncio.Task[Any]] = set()
        self._stories: set[_Story] = set()
        self._resuming: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._stories)

    def expect(self, nonce: str) -> None:
        """The story of the order with this word is about to begin, for the first time."""
        self._begun_here.add(nonce)

    def expect_no_more(self, nonce: str) -> None:
        self._begun_here.discard(nonce)

    async def tell(self, document: dict[str, Any]) -> str:
        """The durable story of one order.

        :returns: the stage it ended in
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a workflow runs in one
        self._workflows.add(task)
        task.add_done_callback(self._workflows.discard)
        if self._closed:
            # DBOS takes this for no outcome: the story stays pending.
            raise asyncio.CancelledError
        invocation = CommandInvocation.from_json(document)
        # Begun by this process just now, or left by one that died: then whatever it sent is looked for first.
        again = document.get("submission_id") not in self._begun_here
        self.expect_no_more(document.get("submission_id", ""))
        story = _Story(task)
        self._stories.add(story)
        current_command.set(invocation.identity)
        if again:
            self._resumed(invocation.identity)
        if self._traces is not None:
            self._traces.describe(command=invocation.name, delivery=document.get("log_context", {}).get("delivery"))
        try:
            with log.bound(**invocation.log_values(), **document.get("log_context", {})):
                reply = await self._carried_out(invocation, story, again=again)
        finally:
            self._stories.discard(story)
            self._moved.set()
            self._makes_room(invocation.identity)
        self._heard(invocation, reply.stage)
        return reply.stage.value

    def close(self) -> None:
        """No story begins any more, nor is one told on."""
        self._closed = True

    async def settle(self, seconds: float) -> None:
        """Lets those come to their end or to a rest that are in the middle of something.

        :param seconds: that they have for it
        """
        await asyncio.gather(*self._resuming, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(not story.rests for story in self._stories):
                    self._moved.clear()
                    await self._moved.wait()

    def cut_off(self) -> None:
        """Ends what goes on, in the middle; whoever is next tells it on."""
        for story in self._stories:
            story.task.cancel()

    async def aclose(self) -> None:
        """Cuts off what goes on, and waits until it has ended."""
        expect_cancellations()
        self.cut_off()
        # A story that has been told is still being written down by its task: it is waited for, and not told again.
        if self._workflows:
            await asyncio.wait(self._workflows, timeout=STOP_PATIENCE)

    async def _carried_out(self, invocation: CommandInvocation, story: _Story, *, again: bool) -> Reply:
        _log.info("command.resumed" if again else "command.started")
        try:
            if again and (times := await self._times_held(invocation)) >= MOST_LOOP_HOLDS:
                return await self._given_up(invocation, times)
            return await self._carry_out(
                invocation, CommandContext(invocation, self._services, self._memory_of(story, invocation), again=again)
            )
        except UpstreamError as error:
            _log.error("command.unanswered", reason=str(error))
            self._heard(invocation, None)
            raise

    async def _times_held(self, invocation: CommandInvocation) -> int:
        try:
            return await run_in_thread(partial(self._loop_holds, invocation.identity))
        except SQLAlchemyError as error:
            _log.error("workflow.lookup_failed", reason=reason(error))
            self._later.schedule(partial(self._resume_soon, invocation.identity))
            # DBOS takes this for no outcome.
            raise asyncio.CancelledError from None

    async def _given_up(self, invocation: CommandInvocation, times: int) -> Reply:
        """:raises UpstreamError: also where the answer itself is what the process cannot get past"""
        if times >= 2 * MOST_LOOP_HOLDS:
            raise UpstreamError(
                Service.GITHUB, ErrorKind.BAD_ANSWER, "give_up", detail="the process stands still over it"
            )
        return await self._give_up(
            invocation, CommandContext(invocation, self._services, no_step_store, again=True), times
        )

    def _memory_of(
        self, story: _Story, invocation: CommandInvocation
    ) -> Callable[..., Coroutine[Any, Any, dict[str, Any]]]:
        """Calls recorded as DBOS steps: what `bot.handlers.steps.StepStore` asks for.

        Where there is nothing to do twice but the reply, which is found again by its marker, nothing is recorded: each
        step costs milliseconds, and the story can as well be told from its start.
        """
        if invocation.only_shows:
            return no_step_store

        async def steps(name: str, work: Callable[[], Awaitable[dict[str, Any]]], *, rests: bool) -> dict[str, Any]:
            async def step() -> dict[str, Any]:
                document = await work()
                # Whoever was frozen in between records nothing for a workflow that another executor has by now.
                await self._fence()
                return document

            if rests:
                story.rests = True
                self._moved.set()
                self._makes_room(invocation.identity)
            try:
                return await DBOS.run_step_async({"name": name}, step)
            except SQLAlchemyError as error:
                _log.error("workflow.persist_failed", step=name, reason=reason(error))
                self._later.schedule(partial(self._resume_soon, invocation.identity))
                # DBOS takes this for no outcome: neither is it one that what was done could not be written down.
                raise asyncio.CancelledError from None
            finally:
                story.rests = False

        return steps

    def _resume_soon(self, identity: str) -> None:
        task = asyncio.create_task(self._resume(identity), name="resume", context=contextvars.Context())
        self._resuming.add(task)
        task.add_done_callback(self._resuming.discard)

    async def _resume(self, identity: str) -> None:
        """Lets a story be told on that the database cut off, as if this process had been killed and come back."""
        try:
            await DBOS.resume_workflow_async(identity)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            words = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
            _log.warning("workflow.resume_failed", invocation=identity, reason=words)
            self._later.schedule(partial(self._resume_soon, identity))
