"""Detects which command blocks the event loop while it does so; the record survives the process.

Whatever blocks the loop for long is mostly C code that holds the interpreter's lock, such as a regular expression that
backtracks: neither a task nor a thread runs then. A signal handler does, in the main thread and in the context of the
code that runs, so it knows which command that is. By waiting for a thread it lends that thread the lock.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from queue import SimpleQueue
from types import FrameType

from bot import log
from bot.storage.jobs import JobStore
from bot.tasks import cancel_and_wait

_log = log.get(__name__)

BLOCKED_AFTER = 5.0
"""Seconds for which the loop is blocked before it is recorded."""

MOST_ALARMS = 12
"""Consecutive alarms after which the process is considered stuck."""

current_command: ContextVar[str | None] = ContextVar("current_command", default=None)
"""The identity of the command that is being executed."""


class LoopWatch:
    """Watches the event loop on which it is started, and records the job that blocks it.

    :param on_stuck: called in a signal handler when the loop is blocked for `MOST_ALARMS` times the seconds
    """

    def __init__(self, jobs: JobStore, *, on_stuck: Callable[[], None], seconds: float = BLOCKED_AFTER) -> None:
        self._jobs = jobs
        self._on_stuck = on_stuck
        self._seconds = seconds
        self._writer = _Writer()
        self._recorded: str | None = None
        self._alarms = 0
        self._is_writing = False
        self._previous_handler: signal._HANDLER = signal.SIG_DFL
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Does nothing where such signals do not exist: on Windows, and outside the main thread."""
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            return
        self._previous_handler = signal.signal(signal.SIGALRM, self._on_alarm)
        # System calls of C libraries in other threads are not interrupted.
        signal.siginterrupt(signal.SIGALRM, False)
        self._writer.start()
        self._restart_timer()
        self._task = asyncio.create_task(self._watch(), name="loop-watch")

    async def aclose(self) -> None:
        if self._task is not None:
            await cancel_and_wait(self._task)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._previous_handler)
            self._writer.close()

    def _restart_timer(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 5)
            self._restart_timer()
            alarms, self._alarms = self._alarms, 0
            recorded, self._recorded = self._recorded, None
            if alarms:
                _log.warning("event_loop.unblocked", invocation=recorded, seconds=alarms * self._seconds)
            if recorded is not None:
                self._writer.put(partial(self._clear, recorded))

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        self._alarms += 1
        # The write may need a lock that the interrupted code holds, such as the log's: that code continues at the next
        # alarm. A nested alarm that waits as well would never let it.
        if not self._is_writing:
            self._is_writing = True
            try:
                written = self._writer.put(
                    partial(self._write, current_command.get(), self._alarms, _location_of(frame))
                )
                written.wait(self._seconds)
            finally:
                self._is_writing = False
        if self._alarms >= MOST_ALARMS:
            self._on_stuck()

    def _write(self, invocation: str | None, alarms: int, where: str) -> None:
        is_new = self._recorded is None and invocation is not None and self._record(invocation)
        # And again each time that the duration has doubled.
        if is_new or alarms & (alarms - 1) == 0:
            _log.error("event_loop.blocked", invocation=invocation, seconds=alarms * self._seconds, where=where)

    def _record(self, invocation: str) -> bool:
        try:
            self._jobs.add_loop_block(invocation)
        except Exception as error:  # noqa: BLE001 - the next alarm tries it again
            _log.warning("event_loop.record_failed", invocation=invocation, reason=type(error).__name__)
            return False
        self._recorded = invocation
        return True

    def _clear(self, invocation: str) -> None:
        try:
            self._jobs.remove_loop_block(invocation)
        except Exception as error:  # noqa: BLE001 - it counts as one too many, which alone ends nothing
            _log.warning("event_loop.clear_failed", invocation=invocation, reason=type(error).__name__)


class _Writer:
    """A thread that accepts work from a signal handler, too.

    The interrupted code may hold any lock. `ThreadPoolExecutor.submit` takes one that is shared by the whole process,
    and the handler would wait for it forever; `SimpleQueue.put` needs none.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], None], threading.Event] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="loop-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, work: Callable[[], None]) -> threading.Event:
        """:returns: an event that is set when it is done"""
        done = threading.Event()
        self._work.put((work, done))
        return done

    def close(self) -> None:
        """Returns when all work is done."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (found := self._work.get()) is not None:
            work, done = found
            try:
                work()
            except Exception:  # noqa: BLE001 - the next alarm tries again
                _log.exception("event_loop.watch_failed")
            finally:
                done.set()


def _location_of(frame: FrameType | None) -> str:
    """Module and line of the innermost frame in the bot's own code, else of the innermost frame."""
    innermost = frame
    while frame is not None and not str(frame.f_globals.get("__name__")).startswith("bot."):
        frame = frame.f_back
    found = frame or innermost
    return f"{found.f_globals.get('__name__')}:{found.f_lineno}" if found else ""
