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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
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
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loop-watch")
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
        self._put_off()
        self._task = asyncio.create_task(self._watch(), name="loop-watch")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
        self._thread.shutdown()

    def _put_off(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 5)
            self._put_off()
            alarms, self._alarms = self._alarms, 0
            noted, self._noted = self._noted, None
            if alarms:
                _log.warning("loop.free-again", order=noted, seconds=alarms * self._seconds)
            if noted is not None:
                await asyncio.get_running_loop().run_in_executor(self._thread, partial(self._take_back, noted))

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        self._alarms += 1
        # The note may need what the interrupted code holds, as the log's lock. An alarm within an alarm that waits as
        # well would never let that code go on.
        if not self._is_writing:
            self._is_writing = True
            try:
                self._write_in_thread(frame)
            finally:
                self._is_writing = False
        if self._alarms >= MOST_ALARMS:
            self._stuck()

    def _write_in_thread(self, frame: FrameType | None) -> None:
        order = current_command.get()
        writing = self._thread.submit(self._write, order, self._alarms, _place_of(frame))
        with suppress(TimeoutError):
            writing.result(WRITING)

    def _write(self, order: str | None, alarms: int, where: str) -> None:
        is_news = self._noted is None and order is not None and self._is_written(order)
        # And again each time that it has lasted twice as long.
        if is_news or alarms & (alarms - 1) == 0:
            _log.error("loop.held", order=order, seconds=alarms * self._seconds, where=where)

    def _is_written(self, order: str) -> bool:
        try:
            self._note(order)
        except Exception as error:  # noqa: BLE001 - the next alarm tries it again
            _log.warning("loop.not-noted", order=order, reason=type(error).__name__)
            return False
        self._noted = order
        return True

    def _take_back(self, order: str) -> None:
        try:
            self._clear(order)
        except Exception as error:  # noqa: BLE001 - it counts as once too often, which alone ends nothing
            _log.warning("loop.not-cleared", order=order, reason=type(error).__name__)


def _place_of(frame: FrameType | None) -> str:
    """Where that is in the bot's own code, as module and line; else where it is at all."""
    innermost = frame
    while frame is not None and not str(frame.f_globals.get("__name__")).startswith("bot."):
        frame = frame.f_back
    found = frame or innermost
    return f"{found.f_globals.get('__name__')}:{found.f_lineno}" if found else ""
