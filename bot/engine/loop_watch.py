"""Notices which command holds the event loop, while it does: what is noted survives the process.

Whatever holds the loop for long is mostly within C and holds the interpreter's lock, as a regular expression that
backtracks: neither a task nor a thread runs then. The handler of a signal does, in the main thread and in the context
of what is being run, so it knows whose doing it is. It waits for a thread, and so lends it the lock.
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

_log = log.get(__name__)

SECONDS = 5.0
"""For which the loop is held before it is noted."""

MOST_ALARMS = 12
"""Alarms in a row after which the process is beyond help."""

WRITING = 5.0
"""Seconds that the note may take: what holds the loop goes on after them."""

current_command: ContextVar[str | None] = ContextVar("current_command", default=None)
"""The identity of the command that is being carried out."""


class LoopWatch:
    """Watches the loop that it is started on.

    :param note: writes down that a command holds the loop; blocking
    :param clear: takes that back; blocking
    :param stuck: is called in a signal's handler where the loop is held for `MOST_ALARMS` times the seconds
    """

    def __init__(
        self,
        *,
        note: Callable[[str], None],
        clear: Callable[[str], None],
        stuck: Callable[[], None],
        seconds: float = SECONDS,
    ) -> None:
        self._note = note
        self._clear = clear
        self._stuck = stuck
        self._seconds = seconds
        self._writer = _Writer()
        self._noted: str | None = None
        self._alarms = 0
        self._is_writing = False
        self._before: signal._HANDLER = signal.SIG_DFL
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Does nothing where there are no such signals: on Windows, and beside the main thread."""
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            return
        self._before = signal.signal(signal.SIGALRM, self._on_alarm)
        # Libraries in C that are waiting in other threads go on waiting.
        signal.siginterrupt(signal.SIGALRM, False)
        self._writer.start()
        self._put_off()
        self._task = asyncio.create_task(self._watch(), name="loop-watch")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
            self._writer.close()

    def _put_off(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 5)
            self._put_off()
            alarms, self._alarms = self._alarms, 0
            noted, self._noted = self._noted, None
            if alarms:
                _log.warning("event_loop.unblocked", invocation=noted, seconds=alarms * self._seconds)
            if noted is not None:
                self._writer.put(partial(self._take_back, noted))

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        self._alarms += 1
        # The note may need what the interrupted code holds, as the log's lock. An alarm within an alarm that waits as
        # well would never let that code go on.
        if not self._is_writing:
            self._is_writing = True
            try:
                written = self._writer.put(partial(self._write, current_command.get(), self._alarms, _place_of(frame)))
                written.wait(WRITING)
            finally:
                self._is_writing = False
        if self._alarms >= MOST_ALARMS:
            self._stuck()

    def _write(self, invocation: str | None, alarms: int, where: str) -> None:
        is_news = self._noted is None and invocation is not None and self._is_written(invocation)
        # And again each time that it has lasted twice as long.
        if is_news or alarms & (alarms - 1) == 0:
            _log.error("event_loop.blocked", invocation=invocation, seconds=alarms * self._seconds, where=where)

    def _is_written(self, invocation: str) -> bool:
        try:
            self._note(invocation)
        except Exception as error:  # noqa: BLE001 - the next alarm tries it again
            _log.warning("event_loop.record_failed", invocation=invocation, reason=type(error).__name__)
            return False
        self._noted = invocation
        return True

    def _take_back(self, invocation: str) -> None:
        try:
            self._clear(invocation)
        except Exception as error:  # noqa: BLE001 - it counts as once too often, which alone ends nothing
            _log.warning("event_loop.clear_failed", invocation=invocation, reason=type(error).__name__)


class _Writer:
    """A thread that takes work from a signal's handler as well.

    What is interrupted may hold any lock. `ThreadPoolExecutor.submit` takes one that all of a process share, and the
    handler would wait for it for good; `SimpleQueue.put` needs none.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], None], threading.Event] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="loop-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, work: Callable[[], None]) -> threading.Event:
        """:returns: what is set when it is done"""
        done = threading.Event()
        self._work.put((work, done))
        return done

    def close(self) -> None:
        """Returns when all is done."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (found := self._work.get()) is not None:
            work, done = found
            try:
                work()
            except Exception:  # noqa: BLE001 - the next alarm tries again
                _log.exception("loop.watch_broken")
            finally:
                done.set()


def _place_of(frame: FrameType | None) -> str:
    """Where that is in the bot's own code, as module and line; else where it is at all."""
    innermost = frame
    while frame is not None and not str(frame.f_globals.get("__name__")).startswith("bot."):
        frame = frame.f_back
    found = frame or innermost
    return f"{found.f_globals.get('__name__')}:{found.f_lineno}" if found else ""
