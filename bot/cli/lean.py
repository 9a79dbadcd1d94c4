"""The start of a process that executes one command: what is seen first, and what is left out, two fifths of it."""

from __future__ import annotations

import gc
import os
import sys


def start_lean() -> None:
    """Before the first import of pydantic and httpx."""
    # Imports make many objects and no garbage; `end_of_start` turns the collector on again.
    gc.disable()
    # pydantic searches the metadata of all installed packages for plugins of its own.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # httpx's own command line imports rich, pygments and its synchronous client. httpx does without where it cannot
    # be imported, which None says.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # as in the import system's reference


def end_of_start() -> None:
    """After the imports, before the work."""
    gc.freeze()
    gc.enable()


def show_start() -> None:
    """At a terminal, before the slow imports: something is seen at once. Progress or the outcome replaces it."""
    if _is_terminal():
        sys.stderr.write("Starting…\r")
        sys.stderr.flush()


def clear_start() -> None:
    """Clears the line, where nothing else has done so."""
    if _is_terminal():
        sys.stderr.write("\x1b[2K\r")
        sys.stderr.flush()


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
