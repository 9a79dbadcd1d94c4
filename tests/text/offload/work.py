"""Pieces of work that a worker process can import."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path


def process_id(_padding: str = "") -> int:
    return os.getpid()


def environment() -> dict[str, str]:
    return dict(os.environ)


def printed(words: str) -> str:
    """Prints, as a library might."""
    print(words)  # noqa: T201
    return words


def wait_for(path: Path, *, told: Path | None = None) -> int:
    """Says that it has begun, and waits until somebody makes the file.

    :param told: a file for its process' number
    """
    if told:
        told.write_text(str(os.getpid()))
    path.with_suffix(".begun").touch()
    while not path.exists():
        time.sleep(0.01)
    return os.getpid()


def search_for_good(path: Path) -> bool:
    """Leaves its process' number, and is then in C with the interpreter's lock for longer than anybody waits."""
    path.write_text(str(os.getpid()))
    return re.search("(a|a)+b", "a" * 80) is not None


def end_at_first(path: Path) -> int:
    """The first process that does it is killed."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill_memory() -> None:
    raise MemoryError


class OddError(Exception):
    """Pickle cannot bring it back."""

    def __init__(self, _needed: object, *, also: object) -> None:
        super().__init__("no way back")


def fail(error: str) -> None:
    if error == "odd":
        raise OddError(1, also=2)
    raise ValueError(error)
