"""Memory used by caches: measuring it, and giving it back when it is no longer needed."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel


def size_of(value: Any) -> int:
    """Bytes that a value of models, containers and texts occupies. Shared objects count each time.

    Recurses for each level; responses from Codegen have few (`bot.codegen.models.DEEPEST`).
    """
    own = sys.getsizeof(value)
    if isinstance(value, BaseModel):
        return own + sum(map(size_of, (value.__dict__, value.model_fields_set)))
    if isinstance(value, Mapping):
        return own + sum(size_of(name) + size_of(each) for name, each in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return own + sum(map(size_of, value))
    return own


def give_back() -> None:
    """Returns freed memory to the operating system, if the C library supports it.

    glibc keeps free memory between blocks that are still in use; after thousands of texts the process would never
    shrink again.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Sweep:
    """Removes expired entries periodically for as long as there are any, even without requests.

    :param drop: removes them and returns whether any are left
    :param every: seconds
    """

    def __init__(self, drop: Callable[[], bool], *, every: float) -> None:
        self._drop = drop
        self._every = every
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Starts the timer after an entry was added."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            # In its own context: what it does belongs to no single request.
            self._timer = loop.call_later(self._every, self._run, context=contextvars.Context())

    def _run(self) -> None:
        self._timer = None
        if self._drop():
            self.arm()
