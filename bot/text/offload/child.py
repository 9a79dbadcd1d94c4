"""The worker process: executes work from its standard input, one piece after the other, and exits when that closes.

It imports the modules that a piece of work names, and nothing of the bot before. Both directions are length-prefixed
frames; only the bot writes and reads them, so pickle is safe.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import IO, Any

REQUEST = struct.Struct(">Qd")
"""The number of bytes that follow, and the time limit in seconds."""

ANSWER = struct.Struct(">BQ")
"""A `WorkerReply`, and the number of bytes that follow."""

GRACE = 1.0
"""Seconds beyond the time limit after which the worker kills itself, in case its parent is gone."""


class WorkerReply(IntEnum):
    """The type of a worker's message."""

    BEGUN = 0
    """The work is unpickled and its modules are imported: its time begins."""

    RETURNED = 1
    RAISED = 2
    OUT_OF_MEMORY = 3


def main() -> None:
    # A signal to the whole process group is for the parent: it ends its workers when it is done with them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Keeps what a library prints out of the replies.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests = sys.stdin.buffer
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        size, limit = REQUEST.unpack(head)
        if len(frame := requests.read(size)) < size:
            return
        try:
            _serve(frame, limit, answers)
        except BrokenPipeError:
            return


def _serve(frame: bytes, limit: float, answers: IO[bytes]) -> None:
    try:
        work: Callable[[], Any] = pickle.loads(frame)  # noqa: S301 - only the parent writes here
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        _send(answers, WorkerReply.BEGUN, b"")
        _send(answers, WorkerReply.RAISED, _written(error))
        return
    _send(answers, WorkerReply.BEGUN, b"")
    _end_after(limit + GRACE)
    answer, document = _done(work)
    _end_after(0)
    _send(answers, answer, document)


def _done(work: Callable[[], Any]) -> tuple[WorkerReply, bytes]:
    try:
        return WorkerReply.RETURNED, pickle.dumps(work(), protocol=5)
    except MemoryError:
        return WorkerReply.OUT_OF_MEMORY, b""
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        return WorkerReply.RAISED, _written(error)


def _written(error: Exception) -> bytes:
    """The error with its traceback as a note. One that cannot be unpickled is replaced by one that can."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        written = pickle.dumps(error, protocol=5)
        pickle.loads(written)  # noqa: S301 - just written
    except Exception:  # noqa: BLE001 - an error's class may do anything
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"), protocol=5)
    return written


def _send(answers: IO[bytes], answer: WorkerReply, document: bytes) -> None:
    answers.write(ANSWER.pack(answer, len(document)) + document)
    answers.flush()


def _end_after(seconds: float) -> None:
    """The system kills the process after this time, whatever it is doing; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
