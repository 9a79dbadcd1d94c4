"""The worker: takes turns from the queue, and holds each of them until it has ended.

A worker that dies, freezes or loses the database stops renewing its heartbeat, and after the lease another one takes
its turns over. The other half of that guarantee is here: a turn that is not certainly this worker's own any more is
stopped, with all that its agent runs, and changes nothing in the outside world (`TurnControl.check`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from bot import log
from bot.agents.model import Incident, NoteIncident, ignore_incident
from bot.errors import StoreError
from bot.storage.agent_models import Holder, RunStatus, Used
from bot.storage.agent_turns import Heartbeat, OpenedPullRequest, TakenTurn, TurnEnd
from bot.storage.agents import CANCELLED_EARLY
from bot.storage.queries import run_in_thread
from bot.upstream import HEARTBEAT, LEASE, backoff, elapsed_clock

_log = log.get(__name__)

MARGIN = 0.3
"""The fraction of the lease by which a worker gives a turn up before another one may take it."""

POLL_INTERVAL = 1.0
"""Seconds between two looks for a turn that another process has created."""

MOST_TRIES = 3
"""How many workers may vanish during one turn, before it is given up."""

GIVEN_UP = (
    f"The bot gave this turn up, because {MOST_TRIES} workers stopped in the middle of it. Check the bot's log for "
    "`turn.taken_over` and the machine's memory, then resume the run."
)


CRASHED = (
    "The bot could not carry out this turn because of an error of its own, `turn.crashed` in its log. Resume the run "
    "to try again."
)


class TurnQueue(Protocol):
    """What the worker needs of `bot.storage.agent_turns.AgentTurns`. All calls block and raise `StoreError`."""

    def claim(self, worker: str, *, working_on: Collection[int] = ()) -> TakenTurn | None: ...

    def beat(self, worker: str, *, working_on: Collection[int] | None = None) -> Heartbeat: ...

    def hand_over(self, turn: TakenTurn, *, worker: str) -> None: ...

    def note_session(self, turn: TakenTurn, session_id: str, *, worker: str) -> None: ...

    def note_branch(
        self,
        turn: TakenTurn,
        branch: str,
        *,
        worker: str,
        pull_request: OpenedPullRequest | None = None,
        at: datetime,
    ) -> None: ...

    def note_used(self, turn: TakenTurn, used: Used, *, worker: str) -> None: ...

    def finish(self, turn: TakenTurn, end: TurnEnd, *, worker: str, at: datetime) -> bool: ...


class NoteBranch(Protocol):
    async def __call__(self, branch: str, pull_request: OpenedPullRequest | None = None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnControl:
    """The connection between a turn and its worker.

    :param holder: of the turn: this worker
    :param cancel: set once a user wants the turn to end
    :param check: the fence, before each change of the outside world: returns once it is certain that the turn is this
        worker's; raises `asyncio.CancelledError` if it is not
    :param note_session: stores the agent's session id
    :param note_branch: stores the run's branch, and the pull request on which it works
    :param is_lost: whether the turn may be another worker's by now, so that the agent has no time to end by itself
    :param note_used: stores what the turn has used so far
    """

    holder: Holder
    cancel: asyncio.Event
    check: Callable[[], Awaitable[None]]
    note_session: Callable[[str], Awaitable[None]]
    note_branch: NoteBranch
    is_lost: Callable[[], bool]
    note_used: Callable[[Used], Awaitable[None]]


ExecuteTurn = Callable[[TakenTurn, TurnControl], Awaitable[TurnEnd]]
"""Carries a turn out. Cancelled, it ends all that the agent runs, and keeps the workspace."""


@dataclass(eq=False, slots=True)
class _RunningTurn:
    """:param confirmed_at: when the database last confirmed that the turn is this worker's, by the worker's clock
    :param is_lost: whether it may be another worker's
    :param is_ending: whether nothing but its end is left to be stored
    :param is_stopping: whether it was cancelled
    """

    turn: TakenTurn
    confirmed_at: float
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    is_lost: bool = False
    is_ending: bool = False
    is_stopping: bool = False
    task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Cancels it once: a second time would interrupt its cleanup."""
        if self.task is not None and not self.is_stopping:
            self.is_stopping = True
            self.task.cancel()


class Worker:
    """Runs turns until it is stopped.

    :param name: its id, unique to one start of a process
    :param execute: carries out a turn
    :param concurrency: turns at once
    :param period: seconds between two heartbeats
    :param lease: seconds, as the queue has it
    :param clock: monotonic, in seconds
    :param on_end: called when the end of a turn is stored
    :param note_incident: called when a turn of a worker that vanished is taken over, or given up
    :ivar ended: set when `run` is over
    """

    def __init__(
        self,
        turns: TurnQueue,
        execute: ExecuteTurn,
        *,
        name: str,
        concurrency: int,
        poll_interval: float = POLL_INTERVAL,
        period: float = HEARTBEAT,
        lease: float = LEASE,
        clock: Callable[[], float] = elapsed_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_end: Callable[[TakenTurn, TurnEnd], None] = lambda turn, end: None,  # noqa: ARG005
        note_incident: NoteIncident = ignore_incident,
    ) -> None:
        self._turns = turns
        self._execute = execute
        self._name = name
        self._poll_interval = poll_interval
        self._period = period
        self._fresh_for = lease * (1 - MARGIN)
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._on_end = on_end
        self._note_incident = note_incident
        self._running: dict[int, _RunningTurn] = {}
        self._slots = asyncio.Semaphore(concurrency)
        self._has_news = asyncio.Event()
        self._beat_wanted = asyncio.Event()
        self._drain_wanted = asyncio.Event()
        self.ended = asyncio.Event()
        self._drain_seconds = 0.0
        self._has_beaten = asyncio.Condition()
        # A thread of its own: the heartbeat must not wait for other database work.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agents-heartbeat")

    @property
    def running(self) -> int:
        """The turns that run here now."""
        return len(self._running)

    @property
    def runs(self) -> set[int]:
        """The runs whose turns these are."""
        return {running.turn.run_id for running in self._running.values()}

    def wake(self) -> None:
        """Looks for new turns, and for turns that are to be cancelled, at once: something has changed."""
        self._has_news.set()
        self._beat_wanted.set()

    def drain(self, seconds: float) -> None:
        """Takes no more turns; `run` returns when those that run have ended, or after so many seconds."""
        self._drain_seconds = seconds
        self._drain_wanted.set()

    async def run(self) -> None:
        """Takes turns until it is cancelled or drained. Then the agent of every turn that is left is stopped, and the
        turn given to others."""
        _log.info("worker.started", worker=self._name)
        beating = asyncio.create_task(self._beat_always(), name="agents-heartbeat")
        taking = asyncio.create_task(self._take_always(), name="agents-worker")
        draining = asyncio.create_task(self._drain_wanted.wait())
        try:
            done, _ = await asyncio.wait((beating, taking, draining), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            taking.cancel()
            await asyncio.wait((taking,))
            if self._running:
                _log.info("worker.draining", worker=self._name, turns=self.running, seconds=self._drain_seconds)
                await asyncio.wait(self._tasks(), timeout=self._drain_seconds)
        finally:
            draining.cancel()
            taking.cancel()
            await asyncio.wait((taking,))
            # The heartbeat continues meanwhile: it may take seconds until nothing of an agent is left.
            await self._stop_turns()
            beating.cancel()
            await asyncio.wait((beating,))
            await asyncio.to_thread(self._thread.shutdown)
            self.ended.set()
            _log.info("worker.stopped", worker=self._name)

    # Taking turns

    async def _take_always(self) -> None:
        failures = 0
        while True:
            await self._slots.acquire()
            self._has_news.clear()
            asked_at = self._clock()
            try:
                turn = await self._claim()
                failures = 0
            except StoreError as error:
                failures += 1
                turn = None
                _log.warning("worker.poll_failed", worker=self._name, reason=str(error))
            if turn is not None:
                self._begin(turn, asked_at)
                continue
            self._slots.release()
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff(failures) if failures else self._poll_interval):
                    await self._has_news.wait()

    async def _claim(self) -> TakenTurn | None:
        """Cancelled in the middle, it gives the turn back."""
        claim = partial(self._turns.claim, self._name, working_on=[*self._running])
        claiming = asyncio.ensure_future(asyncio.to_thread(claim))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await asyncio.wait((claiming,))
            if claiming.exception() is None and (turn := claiming.result()) is not None:
                await self._hand_over(turn)
            raise

    def _begin(self, turn: TakenTurn, asked_at: float) -> None:
        running = _RunningTurn(turn, asked_at)
        if turn.cancel_wanted:
            running.cancel.set()
        self._running[turn.id] = running
        running.task = asyncio.create_task(self._work(running), name=f"agents-turn-{turn.id}")
        running.task.add_done_callback(partial(self._ended, running))

    def _ended(self, running: _RunningTurn, task: asyncio.Task[None]) -> None:
        del self._running[running.turn.id]
        self._slots.release()
        # The next turn of the same run waited for this one.
        self._has_news.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("turn.not_ended", turn=running.turn.id, exc_info=error)

    # One turn

    async def _work(self, running: _RunningTurn) -> None:
        turn = running.turn
        with log.bound(run=turn.run_id, turn=turn.number, agent=turn.agent):
            event = "turn.taken_over" if turn.takeovers else "turn.started"
            _log.info(event, worker=self._name, takeovers=turn.takeovers)
            if turn.takeovers:
                self._note_incident(turn.agent, Incident.TAKEN_OVER)
            try:
                end = await self._outcome(running)
                running.is_ending = True
                await self._finish(running, end)
            except asyncio.CancelledError:
                if running.is_lost:
                    _log.warning("turn.lost", worker=self._name)
                else:
                    await self._hand_over(turn)
                raise

    async def _outcome(self, running: _RunningTurn) -> TurnEnd:
        turn = running.turn
        if running.cancel.is_set():
            return TurnEnd(status=RunStatus.CANCELLED.value, result=CANCELLED_EARLY)
        if turn.takeovers >= MOST_TRIES:
            self._note_incident(turn.agent, Incident.GIVEN_UP)
            return TurnEnd(status=RunStatus.FAILED.value, result=GIVEN_UP)
        control = TurnControl(
            holder=Holder(turn.id, self._name),
            cancel=running.cancel,
            check=partial(self._check, running),
            note_session=partial(self._note_session, running),
            note_branch=partial(self._note_branch, running),
            is_lost=lambda: running.is_lost,
            note_used=partial(self._note_used, running),
        )
        try:
            end = await self._execute(turn, control)
        except Exception:  # noqa: BLE001 - the turn must end, and its user must know
            _log.exception("turn.crashed")
            end = TurnEnd(status=RunStatus.FAILED.value, result=CRASHED)
        if self._is_stale(running):
            # Frozen meanwhile: it may have ended so because the guard has ended its agent (`bot.agents.sandbox.guard`).
            running.is_lost = True
            raise asyncio.CancelledError
        return end

    async def _note_session(self, running: _RunningTurn, session_id: str) -> None:
        await self._note(partial(self._turns.note_session, running.turn, session_id, worker=self._name))

    async def _note_branch(
        self, running: _RunningTurn, branch: str, pull_request: OpenedPullRequest | None = None
    ) -> None:
        note = self._turns.note_branch
        await self._note(
            partial(note, running.turn, branch, worker=self._name, pull_request=pull_request, at=self._now())
        )

    async def _note_used(self, running: _RunningTurn, used: Used) -> None:
        await self._note(partial(self._turns.note_used, running.turn, used, worker=self._name))

    @staticmethod
    async def _note(store: Callable[[], None]) -> None:
        try:
            await run_in_thread(store)
        except StoreError as error:
            # Only a worker that takes the turn over would miss it.
            _log.warning("turn.note_failed", reason=str(error))

    async def _finish(self, running: _RunningTurn, end: TurnEnd) -> None:
        """Repeats it until the database accepts it, or the turn is another worker's."""
        failures = 0
        while True:
            finish = partial(self._turns.finish, running.turn, end, worker=self._name, at=self._now())
            try:
                is_ours = await run_in_thread(finish)
            except StoreError as error:
                failures += 1
                _log.warning("turn.end_not_stored", reason=str(error))
                await self._sleep(backoff(failures))
                continue
            _log.info("turn.ended" if is_ours else "turn.lost", worker=self._name, status=end.status)
            if is_ours:
                self._on_end(running.turn, end)
            return

    async def _hand_over(self, turn: TakenTurn) -> None:
        try:
            await run_in_thread(partial(self._turns.hand_over, turn, worker=self._name))
        except StoreError as error:
            _log.warning("turn.not_handed_over", reason=str(error))
        else:
            _log.info("turn.handed_over", worker=self._name)

    async def _stop_turns(self) -> None:
        tasks = self._tasks()
        for running in self._running.values():
            running.stop()
        if tasks:
            await asyncio.wait(tasks)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [running.task for running in self._running.values() if running.task is not None]

    # The heartbeat

    async def _check(self, running: _RunningTurn) -> None:
        """The fence: see `TurnControl`."""
        asked_at = self._clock()
        async with self._has_beaten:
            self._beat_wanted.set()
            await self._has_beaten.wait_for(lambda: running.is_lost or running.confirmed_at >= asked_at)
        if running.is_lost:
            raise asyncio.CancelledError

    async def _beat_always(self) -> None:
        while True:
            self._beat_wanted.clear()
            if self._running:
                await self._beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._period):
                    await self._beat_wanted.wait()

    async def _beat(self) -> None:
        asked_at = self._clock()
        # What is taken after the question is not part of the answer.
        asked = [running for running in self._running.values() if not running.is_lost]
        beat = partial(self._turns.beat, self._name, working_on=[running.turn.id for running in asked])
        beating = asyncio.get_running_loop().run_in_executor(self._thread, beat)
        while not beating.done():
            # A database that does not respond must not keep the fence open.
            await asyncio.wait((beating,), timeout=self._period / 2)
            self._give_up_stale()
        try:
            answer = beating.result()
        except StoreError as error:
            _log.warning("worker.heartbeat_failed", worker=self._name, reason=str(error))
            # Tried again after a period, not without a pause.
            self._beat_wanted.clear()
            self._give_up_stale()
            return
        for running in asked:
            if running.turn.id not in answer.held:
                self._give_up(running)
            else:
                running.confirmed_at = asked_at
                if running.turn.id in answer.cancelled:
                    running.cancel.set()
        async with self._has_beaten:
            self._has_beaten.notify_all()

    def _give_up_stale(self) -> None:
        for running in [*self._running.values()]:
            if self._is_stale(running):
                self._give_up(running)

    def _is_stale(self, running: _RunningTurn) -> bool:
        return self._clock() - running.confirmed_at >= self._fresh_for

    @staticmethod
    def _give_up(running: _RunningTurn) -> None:
        # Only the owner can store an end, so that needs no other fence.
        if not running.is_ending:
            running.is_lost = True
            running.stop()
